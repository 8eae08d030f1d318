//! The verbs that change the script's own state: `cd`, `export`, `exit`.

use std::io;

use super::host::Output;
use super::{Abort, Eval};
use crate::step::lexer::{in_name, starts_name};

impl Eval<'_> {
    /// The verbs that change the script's own state.
    pub(super) fn own(&mut self, words: &[String], stderr: Output) -> Result<i32, Abort> {
        let args = words.get(1..).unwrap_or(&[]);
        let result = match words.first().map(String::as_str) {
            Some("cd") => self.cd(args),
            Some("export") => self.export(args),
            Some("exit") => self.exit(args)?,
            _ => Err("command: needs the name of a program, without options".to_owned()),
        };
        Ok(match result {
            Ok(()) => 0,
            Err(message) => {
                self.host.write(stderr, &format!("{message}\n"));
                1
            }
        })
    }

    fn cd(&mut self, args: &[String]) -> Result<(), String> {
        let [to] = args else { return Err("cd: needs one folder".to_owned()) };
        if to == "-" || to.is_empty() {
            return Err(format!("cd: '{to}': write the folder's name"));
        }
        let Eval { host, env, .. } = self;
        env.cwd = host.enter(&env.cwd, to).map_err(|e| format!("cd: {to}: {}", describe(&e)))?;
        Ok(())
    }

    fn export(&mut self, args: &[String]) -> Result<(), String> {
        if args.is_empty() {
            return Err("export: needs NAME or NAME=value".to_owned());
        }
        for arg in args {
            let (name, value) = match arg.split_once('=') {
                Some((name, value)) => (name, value.to_owned()),
                None => (
                    arg.as_str(),
                    self.env.get(arg).ok_or_else(|| format!("export: {arg} is not set"))?.to_owned(),
                ),
            };
            if !is_name(name) {
                return Err(format!("export: '{name}' is not a variable's name"));
            }
            self.env.export(name, value);
        }
        Ok(())
    }

    fn exit(&mut self, args: &[String]) -> Result<Result<(), String>, Abort> {
        match args {
            [] => Err(Abort::Exit(self.last)),
            [code] => match code.parse::<u8>() {
                Ok(code) => Err(Abort::Exit(i32::from(code))),
                Err(_) => Ok(Err(format!("exit: '{code}' is not a number from 0 to 255"))),
            },
            _ => Ok(Err("exit: takes one number".to_owned())),
        }
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(starts_name) && name.chars().all(in_name)
}

/// An error in the words that people know, without the system's number.
pub fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::AlreadyExists => "already exists".to_owned(),
        io::ErrorKind::IsADirectory => "is a folder".to_owned(),
        io::ErrorKind::NotADirectory => "is not a folder".to_owned(),
        io::ErrorKind::DirectoryNotEmpty => "the folder is not empty".to_owned(),
        _ => error.to_string(),
    }
}
