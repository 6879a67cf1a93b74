//! Decodes the framing of chunked bodies (RFC 9112, section 7.1). Stricter than that: no extensions, no blanks.

use super::target::hex_digit;

/// As many as a `u64` has.
const MAX_SIZE_DIGITS: u8 = 16;
/// Trailers are dropped. Clients send a checksum, if anything.
const MAX_TRAILER_BYTES: usize = 4 * 1024;

/// The body is not a valid sequence of chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// What follows in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// More framing, which has not arrived.
    Framing,
    /// This many bytes of the body, at least one.
    Data(u64),
    /// The next request.
    End,
}

/// A decoder of chunks. It sees the framing, and is told how much of the data was consumed.
#[derive(Clone, Debug)]
pub(crate) struct Chunked {
    state: State,
    trailer_bytes: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Size { digits: u8, size: u64 },
    SizeLf { size: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    End,
}

impl Chunked {
    pub(crate) fn new() -> Self {
        Self { state: State::Size { digits: 0, size: 0 }, trailer_bytes: 0 }
    }

    /// Consumes framing from the input. Returns how many bytes it consumed, and what follows them.
    ///
    /// # Errors
    /// If the framing is malformed.
    pub(crate) fn advance(&mut self, input: &[u8]) -> Result<(usize, Next), Malformed> {
        let mut bytes = input.iter();
        loop {
            let next = match self.state {
                State::Data { left } => Next::Data(left),
                State::End => Next::End,
                _ => match bytes.next() {
                    Some(byte) => {
                        self.state = self.next(*byte)?;
                        continue;
                    }
                    None => Next::Framing,
                },
            };
            return Ok((input.len() - bytes.len(), next));
        }
    }

    /// Notes that `bytes` bytes of the data were consumed.
    pub(crate) fn consume(&mut self, bytes: u64) {
        if let State::Data { left } = &mut self.state {
            *left = left.saturating_sub(bytes);
            if *left == 0 {
                self.state = State::DataCr;
            }
        }
    }

    fn next(&mut self, byte: u8) -> Result<State, Malformed> {
        if matches!(self.state, State::TrailerStart | State::TrailerName | State::TrailerValue) {
            self.trailer_bytes += 1;
            if self.trailer_bytes > MAX_TRAILER_BYTES {
                return Err(Malformed);
            }
        }
        Ok(match (self.state, byte) {
            (State::Size { digits: 1.., size }, b'\r') => State::SizeLf { size },
            (State::Size { digits, size }, byte) if digits < MAX_SIZE_DIGITS => {
                let digit = hex_digit(byte).ok_or(Malformed)?;
                State::Size { digits: digits + 1, size: size << 4 | u64::from(digit) }
            }
            (State::SizeLf { size: 0 }, b'\n') => State::TrailerStart,
            (State::SizeLf { size }, b'\n') => State::Data { left: size },
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size { digits: 0, size: 0 },
            (State::TrailerStart, b'\r') => State::EndLf,
            (State::TrailerName, b':') => State::TrailerValue,
            (State::TrailerStart | State::TrailerName, byte) if is_token(byte) => State::TrailerName,
            (State::TrailerValue, b'\r') => State::TrailerLf,
            (State::TrailerValue, b'\t' | b' '..=b'~' | 0x80..) => State::TrailerValue,
            (State::TrailerLf, b'\n') => State::TrailerStart,
            (State::EndLf, b'\n') => State::End,
            _ => return Err(Malformed),
        })
    }
}

/// Returns whether the byte may be in the name of a header.
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
