//! The formatter's one pass: between each two tokens it decides for nothing, a space, a line
//! end or a joined line. Nothing but what lies between tokens is decided here.

use super::string;
use super::token::{Kind, Token};

const INDENT: &str = "    ";

/// A token that is printed, with what lay before it.
struct Piece<'a> {
    token: Token<'a>,
    /// Line ends before it.
    lines: usize,
    /// `\` before it, each with its comment.
    joins: Vec<&'a str>,
}

/// The tokens in their canonical form, with `eol` as line end.
pub(super) fn print(tokens: &[Token], eol: &str) -> String {
    let pieces = pieces(&without_idle_joins(tokens));
    let inline = inline_blocks(&pieces);
    let mut printer = Printer { eol, out: String::new(), blocks: Vec::new(), level: 0, run: None };
    let mut before: Option<&Piece> = None;
    for (piece, inline) in pieces.iter().zip(inline) {
        printer.piece(before, piece, inline);
        before = Some(piece);
    }
    if !printer.out.is_empty() {
        printer.out.push_str(eol);
    }
    printer.out
}

/// A `\` at the begin or the end of a setting joins nothing: only its comment and its line
/// end stay.
fn without_idle_joins<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut kept: Vec<Token> = Vec::new();
    let mut at_begin = true;
    for (i, token) in tokens.iter().enumerate() {
        if token.kind != Kind::Join {
            at_begin = matches!(token.kind, Kind::Newline | Kind::Open | Kind::End | Kind::Dash);
            kept.push(*token);
            continue;
        }
        let next = tokens.iter().skip(i).find(|t| t.kind != Kind::Join).map(|t| t.kind);
        if at_begin || matches!(next, None | Some(Kind::Newline | Kind::Close)) {
            if !token.text.is_empty() {
                kept.push(Token { kind: Kind::LineComment, ..*token });
            }
            kept.push(Token { kind: Kind::Newline, text: "", column: None });
        } else {
            kept.push(*token);
        }
    }
    kept
}

fn pieces<'a>(tokens: &[Token<'a>]) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let (mut lines, mut joins) = (0, Vec::new());
    for token in tokens {
        match token.kind {
            Kind::Newline => lines += 1,
            Kind::Join => joins.push(token.text),
            _ => pieces.push(Piece {
                token: *token,
                lines: std::mem::take(&mut lines),
                joins: std::mem::take(&mut joins),
            }),
        }
    }
    pieces
}

/// For each piece, if it opens a block: whether the block stands on one line.
fn inline_blocks(pieces: &[Piece]) -> Vec<bool> {
    let mut inline = vec![true; pieces.len()];
    let mut open: Vec<usize> = Vec::new();
    for (i, piece) in pieces.iter().enumerate() {
        if piece.lines > 0 {
            for at in &open {
                inline[*at] = false;
            }
        }
        match piece.token.kind {
            Kind::Open => open.push(i),
            Kind::Close => _ = open.pop(),
            _ => {}
        }
    }
    inline
}

struct Printer<'a> {
    eol: &'a str,
    out: String,
    /// The open blocks: whether each stands on one line.
    blocks: Vec<bool>,
    /// Indentation of the line under way.
    level: usize,
    /// The column of the first of some comments that follow each other on lines of their own.
    run: Option<usize>,
}

impl Printer<'_> {
    fn piece(&mut self, before: Option<&Piece>, piece: &Piece, inline: bool) {
        let kind = piece.token.kind;
        let outer = kind == Kind::Close;
        let leaves = if outer { self.blocks.pop() } else { None };
        if !piece.joins.is_empty() {
            self.join(&piece.joins);
            self.run = None;
        } else if let Some(before) = before {
            self.separate(before, piece, leaves);
        } else {
            self.run = own_line_comment(piece);
        }
        self.text(&piece.token);
        if kind == Kind::Open {
            self.blocks.push(inline);
        }
    }

    fn separate(&mut self, before: &Piece, piece: &Piece, leaves: Option<bool>) {
        if self.breaks(before, piece, leaves) {
            let blank = piece.lines > 1 && before.token.kind != Kind::Open && leaves.is_none();
            self.line(piece, blank);
        } else {
            self.run = None;
            if !glued(before.token.kind, piece.token.kind) {
                self.out.push(' ');
            }
        }
    }

    fn breaks(&self, before: &Piece, piece: &Piece, leaves: Option<bool>) -> bool {
        match (before.token.kind, piece.token.kind) {
            (Kind::LineComment, _) => true,
            (Kind::Open, Kind::Close) | (Kind::Dash, _) => false,
            (_, Kind::Close) => leaves == Some(false),
            (Kind::Open, Kind::LineComment) => piece.lines > 0,
            (Kind::Open, _) => self.blocks.last() == Some(&false),
            _ => piece.lines > 0,
        }
    }

    /// Begins a new line for `piece`.
    fn line(&mut self, piece: &Piece, blank: bool) {
        self.level = self.blocks.len();
        self.out.push_str(self.eol);
        if blank {
            self.out.push_str(self.eol);
            self.run = None;
        }
        self.out.push_str(&INDENT.repeat(self.level));
        // Commented-out settings keep their shape: what stands deeper than the first line stays so.
        let column = own_line_comment(piece);
        if let (Some(first), Some(column)) = (self.run, column) {
            self.out.push_str(&" ".repeat(column.saturating_sub(first)));
        }
        self.run = column.map(|own| self.run.unwrap_or(own));
    }

    fn join(&mut self, comments: &[&str]) {
        let said: Vec<&&str> = comments.iter().filter(|c| !c.is_empty()).collect();
        for i in 0..said.len().max(1) {
            if i == 0 {
                self.out.push_str(" \\");
            } else {
                self.out.push('\\');
            }
            if let Some(comment) = said.get(i) {
                self.out.push(' ');
                self.out.push_str(comment.trim_end());
            }
            self.level = self.blocks.len() + 1;
            self.out.push_str(self.eol);
            self.out.push_str(&INDENT.repeat(self.level));
        }
    }

    fn text(&mut self, token: &Token) {
        match token.kind {
            Kind::Text => {
                let indent = INDENT.repeat(self.level + 1);
                self.out.push_str(&string::indented(token.text, &indent, self.eol));
            }
            Kind::LineComment => self.out.push_str(token.text.trim_end()),
            Kind::BlockComment => {
                let lines: Vec<&str> = token.text.split('\n').map(str::trim_end).collect();
                self.out.push_str(&lines.join(self.eol));
            }
            _ => self.out.push_str(token.text),
        }
    }
}

fn own_line_comment(piece: &Piece) -> Option<usize> {
    piece.token.column.filter(|_| piece.token.kind == Kind::LineComment)
}

fn glued(before: Kind, kind: Kind) -> bool {
    match (before, kind) {
        (_, Kind::LineComment | Kind::BlockComment) => false,
        (_, Kind::Equals | Kind::TypeClose | Kind::End) | (Kind::Open, Kind::Close) => true,
        (Kind::Equals | Kind::TypeOpen | Kind::TypeClose | Kind::Dash, _) => true,
        _ => false,
    }
}
