//! `$NAME` in the values of `env`: the one place outside of steps where it means something.

/// Replaces `$NAME` and `${NAME}` by what `lookup` gives; `$$` stands for one `$`.
///
/// # Errors
/// One sentence: a variable that is not set, or a `$` that begins neither form.
pub fn expand(template: &str, lookup: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::with_capacity(template.len());
    for piece in pieces(template)? {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Variable(name) => match lookup(name) {
                Some(value) => out.push_str(&value),
                None => return Err(format!("${name} is not set")),
            },
        }
    }
    Ok(out)
}

/// The variables that a template needs, in order, repetitions included.
///
/// # Errors
/// One sentence: a `$` that begins no variable.
pub fn variables(template: &str) -> Result<Vec<&str>, String> {
    let pieces = pieces(template)?.into_iter();
    Ok(pieces
        .filter_map(|p| match p {
            Piece::Variable(name) => Some(name),
            Piece::Text(_) => None,
        })
        .collect())
}

enum Piece<'a> {
    Text(&'a str),
    Variable(&'a str),
}

fn pieces(template: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        found.push(Piece::Text(before));
        if let Some(tail) = after.strip_prefix('$') {
            found.push(Piece::Text("$"));
            rest = tail;
            continue;
        }
        let (name, tail) = variable(after).ok_or_else(|| {
            "a '$' begins no variable; write $NAME, ${NAME}, or $$ for a '$' itself".to_owned()
        })?;
        found.push(Piece::Variable(name));
        rest = tail;
    }
    found.push(Piece::Text(rest));
    Ok(found)
}

/// The name after a `$` and what follows it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let (name, tail) = match text.strip_prefix('{') {
        Some(inner) => inner.split_once('}')?,
        None => {
            let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
            text.split_at(end)
        }
    };
    super::types::is_variable(name).then_some((name, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        (name == "A").then(|| "x $B".to_owned())
    }

    #[test]
    fn names_are_replaced_once() {
        assert_eq!(expand("<$A${A}b$$A>", lookup).unwrap(), "<x $Bx $Bb$A>");
        assert_eq!(expand("ü", lookup).unwrap(), "ü");
        assert_eq!(variables("$A/${B_1}$$").unwrap(), ["A", "B_1"]);
    }

    #[test]
    fn an_unset_variable_and_a_stray_dollar_are_errors() {
        assert_eq!(expand("$NO", lookup).unwrap_err(), "$NO is not set");
        for bad in ["5$", "$1", "${A", "${}", "$ü", "${A:-x}"] {
            assert!(expand(bad, lookup).unwrap_err().contains("$$"), "{bad}");
        }
    }
}
