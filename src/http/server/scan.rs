//! Finds the end of a request's head, and refuses what cannot become a valid one as soon as it arrives.

use super::rejection::Rejection;

/// Looks at every byte of a head once, however the bytes are split.
#[derive(Clone, Debug)]
pub(crate) struct HeadScan {
    state: State,
    scanned: usize,
    /// Complete lines, the request line included.
    lines: usize,
    max_bytes: usize,
    max_headers: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was received.
    Start,
    /// After the CR of an empty line before the request, which some clients send after a body.
    BlankLf,
    RequestStart,
    Line,
    LineLf,
    HeaderStart,
    EndLf,
    Complete,
}

impl HeadScan {
    pub(crate) fn new(max_bytes: usize, max_headers: usize) -> Self {
        Self { state: State::Start, scanned: 0, lines: 0, max_bytes, max_headers }
    }

    /// Scans what `input` has beyond the bytes of the calls before: each call passes all bytes since the end of the
    /// last request. Returns the length of the head when it is complete.
    ///
    /// # Errors
    /// If the head is malformed or too large.
    pub(crate) fn advance(&mut self, input: &[u8]) -> Result<Option<usize>, Rejection> {
        for byte in input.get(self.scanned..).unwrap_or_default() {
            if self.state == State::Complete {
                break;
            }
            self.state = self.next(*byte)?;
            self.scanned += 1;
            if self.state != State::Complete && self.scanned >= self.max_bytes {
                return Err(self.too_large());
            }
        }
        Ok((self.state == State::Complete).then_some(self.scanned))
    }

    fn next(&mut self, byte: u8) -> Result<State, Rejection> {
        match (self.state, byte) {
            (State::Start, b'\r') => Ok(State::BlankLf),
            (State::BlankLf, b'\n') => Ok(State::RequestStart),
            // A TLS ClientHello starts with 0x16. Its client falls back to HTTP only after a response to it.
            (State::Start | State::RequestStart, b'A'..=b'Z') => Ok(State::Line),
            (State::Start | State::RequestStart, _) => Err(Rejection::bad("this is not an HTTP request")),
            (State::LineLf, b'\n') => {
                self.lines += 1;
                if self.lines > self.max_headers + 1 { Err(self.too_large()) } else { Ok(State::HeaderStart) }
            }
            (State::EndLf, b'\n') => Ok(State::Complete),
            (State::BlankLf | State::LineLf | State::EndLf, _) => Err(Rejection::bad("a CR is not followed by an LF")),
            (_, b'\n') => Err(Rejection::bad("an LF does not follow a CR")),
            (State::HeaderStart, b'\r') => Ok(State::EndLf),
            (State::HeaderStart, b' ' | b'\t') => Err(Rejection::bad("a header is folded")),
            (_, b'\r') => Ok(State::LineLf),
            (_, b'\t' | b' '..=b'~' | 0x80..) => Ok(State::Line),
            _ => Err(Rejection::bad("the head contains a control character")),
        }
    }

    fn too_large(&self) -> Rejection {
        match self.lines {
            0 => Rejection { status: 414, reason: "the request line is too long" },
            _ => Rejection { status: 431, reason: "the headers are too large" },
        }
    }
}
