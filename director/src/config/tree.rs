//! Tokens to a tree of statements and blocks, in any layout of lines and braces. Knows no keyword.

use super::{
    Diagnostic, Span,
    diagnostic::quoted,
    lexer::{Token, TokenKind},
};

/// Deeper blocks than any keyword has are refused, so that no later recursion can be made deep.
const MAX_DEPTH: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) span: Span,
}

/// The words of a line (or of what stands between two braces of a line), and the block that follows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// The keyword and its arguments; never empty.
    pub(super) words: Vec<Word>,
    pub(super) block: Option<Block>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) statements: Vec<Statement>,
}

/// The whole configuration as one block.
pub(super) fn tree(tokens: &[Token], diagnostics: &mut Vec<Diagnostic>) -> Block {
    let mut builder = Builder {
        stack: Vec::new(),
        current: Block::default(),
        line: Line::Ended,
        diagnostics,
    };
    for token in tokens {
        builder.token(token);
    }
    builder.finish()
}

/// Whether the next word belongs to the last statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Going,
    Ended,
}

struct Builder<'a> {
    /// The blocks around the current one, each with the brace that opened the one within it.
    stack: Vec<(Block, Span)>,
    current: Block,
    line: Line,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Builder<'_> {
    fn token(&mut self, token: &Token) {
        match &token.kind {
            TokenKind::Word(text) => self.word(Word {
                text: text.clone(),
                span: token.span,
            }),
            TokenKind::LineEnd => self.line = Line::Ended,
            TokenKind::Open => self.open(token.span),
            TokenKind::Close => self.close(token.span),
        }
    }

    fn word(&mut self, word: Word) {
        if let Some(error) = not_supported_syntax(&word, self.line) {
            self.diagnostics.push(error);
        }
        match self.current.statements.last_mut() {
            Some(statement) if self.line == Line::Going => statement.words.push(word),
            _ => self.current.statements.push(Statement {
                words: vec![word],
                block: None,
            }),
        }
        self.line = Line::Going;
    }

    fn open(&mut self, brace: Span) {
        self.line = Line::Ended;
        let named = self
            .current
            .statements
            .last()
            .is_some_and(|statement| statement.block.is_none());
        if !named {
            self.diagnostics.push(
                Diagnostic::error(brace, "this block has no name")
                    .help("write its keyword before the brace, or take the brace away"),
            );
        }
        if self.stack.len() == MAX_DEPTH {
            self.diagnostics.push(Diagnostic::error(
                brace,
                format!("blocks are nested more than {MAX_DEPTH} levels deep"),
            ));
        }
        self.stack.push((std::mem::take(&mut self.current), brace));
    }

    fn close(&mut self, brace: Span) {
        self.line = Line::Ended;
        if self.stack.is_empty() {
            self.diagnostics.push(
                Diagnostic::error(brace, "this brace closes nothing")
                    .help("take it away, or see whether a block above was closed too early"),
            );
        } else {
            self.leave();
        }
    }

    /// Gives the current block to its statement in the block around it.
    fn leave(&mut self) {
        let Some((outer, _)) = self.stack.pop() else {
            return;
        };
        let inner = std::mem::replace(&mut self.current, outer);
        // What is nested too deep was refused already; it is let go here, so that the tree stays shallow.
        if self.stack.len() >= MAX_DEPTH {
            return;
        }
        if let Some(statement) = self.current.statements.last_mut()
            && statement.block.is_none()
        {
            statement.block = Some(inner);
        }
    }

    fn finish(mut self) -> Block {
        let unclosed: Vec<Span> = self.stack.iter().map(|(_, brace)| *brace).collect();
        // The innermost one is the likeliest to be the forgotten one, and the outer ones may follow from it.
        if let Some(brace) = unclosed.last() {
            let mut error = Diagnostic::error(*brace, "this block is not closed")
                .label("no `}` for this brace")
                .help("write the missing `}`");
            if unclosed.len() > 1 {
                error = error.note(format!(
                    "{} blocks around it are not closed either",
                    unclosed.len() - 1
                ));
            }
            self.diagnostics.push(error);
        }
        while !self.stack.is_empty() {
            self.leave();
        }
        self.current
    }
}

/// Syntax of keepalived that would change what the file says, and so must not be passed over.
fn not_supported_syntax(word: &Word, line: Line) -> Option<Diagnostic> {
    let first = line == Line::Ended;
    let text = word.text.as_str();
    let (message, help) = if first && text.starts_with('@') {
        (
            "lines for one host (`@name`) are not supported yet",
            "keep a file for each host, with what differs in a file of its own and `include` for the rest",
        )
    } else if first && text.starts_with('$') {
        (
            "definitions (`$NAME=value`, `$NAME`) are not supported yet",
            "write the value in each place where the name is used",
        )
    } else if text.contains("${_") {
        (
            "predefined names (`${_NAME}`) are not supported yet",
            "write the value itself",
        )
    } else if text.starts_with("~SEQ") || text.starts_with("~LST") {
        (
            "sequences (`~SEQ`, `~LST`) are not supported yet",
            "write out each line",
        )
    } else {
        return None;
    };
    let label = quoted(text);
    Some(
        Diagnostic::error(word.span, message)
            .label(format!("{label} would be read wrongly"))
            .help(help),
    )
}
