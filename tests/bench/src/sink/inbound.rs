//! Reads what a client sends: heads, and bodies that are mostly discarded.

use std::io::{self, Read};

use super::head::{Framing, Head};
use super::pace::Pace;
use super::wire::Wire;

const MAX_HEAD: usize = 64 * 1024;
const SCRATCH: usize = 1024 * 1024;

/// The reading side of a connection. Generic over the source, so that tests need no socket.
pub(super) struct Inbound<S> {
    pub(super) source: S,
    /// Bytes that were read but not used yet.
    early: Vec<u8>,
    scratch: Vec<u8>,
}

/// A source of bytes, which can also be discarded.
pub(super) trait Source: Read {
    fn discard(&mut self, most: u64, scratch: &mut [u8]) -> io::Result<usize>;
}

impl Source for Wire {
    fn discard(&mut self, most: u64, scratch: &mut [u8]) -> io::Result<usize> {
        Self::discard(self, most, scratch)
    }
}

impl<S: Source> Inbound<S> {
    pub(super) fn new(source: S) -> Self {
        Self { source, early: Vec::new(), scratch: vec![0; SCRATCH] }
    }

    /// Returns the next request's head, or `None` at the end of the connection.
    pub(super) fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = self.early.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = Head::parse(&self.early[..end + 4]).ok_or(io::ErrorKind::InvalidData)?;
                self.early.drain(..end + 4);
                return Ok(Some(head));
            }
            if self.early.len() > MAX_HEAD {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if self.more()? == 0 {
                return if self.early.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// Discards a body. Returns its number of bytes, without the framing of chunks.
    pub(super) fn discard(&mut self, framing: Framing, pace: &mut Pace<'_>) -> io::Result<u64> {
        match framing {
            Framing::Length(length) => self.discard_exactly(length, pace).map(|()| length),
            Framing::Chunked => {
                let mut total = 0;
                while let Some(length) = self.chunk()? {
                    self.discard_exactly(length, pace)?;
                    self.line()?;
                    total += length;
                }
                Ok(total)
            }
        }
    }

    /// Reads a body into memory.
    pub(super) fn keep(&mut self, framing: Framing) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        match framing {
            Framing::Length(length) => self.keep_exactly(length, &mut body)?,
            Framing::Chunked => {
                while let Some(length) = self.chunk()? {
                    self.keep_exactly(length, &mut body)?;
                    self.line()?;
                }
            }
        }
        Ok(body)
    }

    fn discard_exactly(&mut self, mut left: u64, pace: &mut Pace<'_>) -> io::Result<()> {
        let early = self.early.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.early.drain(..early);
        left -= early as u64;
        pace.moved(early)?;
        while left > 0 {
            let step = pace.step(SCRATCH);
            match self.source.discard(left, &mut self.scratch[..step])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => {
                    left -= read as u64;
                    pace.moved(read)?;
                }
            }
        }
        Ok(())
    }

    fn keep_exactly(&mut self, left: u64, body: &mut Vec<u8>) -> io::Result<()> {
        let left = usize::try_from(left).map_err(|_| io::ErrorKind::InvalidData)?;
        while self.early.len() < left {
            if self.more()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        body.extend(self.early.drain(..left));
        Ok(())
    }

    /// Returns the next chunk's length, or `None` after the last chunk and its trailer.
    fn chunk(&mut self) -> io::Result<Option<u64>> {
        let line = self.line()?;
        let length = line.split(';').next().unwrap_or_default().trim();
        match u64::from_str_radix(length, 16).map_err(|_| io::ErrorKind::InvalidData)? {
            0 => {
                while !self.line()?.is_empty() {}
                Ok(None)
            }
            length => Ok(Some(length)),
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.early.windows(2).position(|window| window == b"\r\n") {
                let line = String::from_utf8_lossy(&self.early[..end]).into_owned();
                self.early.drain(..end + 2);
                return Ok(line);
            }
            if self.early.len() > MAX_HEAD {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if self.more()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn more(&mut self) -> io::Result<usize> {
        // Little at a time, because bytes read here are copied, while the rest of a body can be dropped in the kernel.
        let read = self.source.read(&mut self.scratch[..16 * 1024])?;
        self.early.extend_from_slice(&self.scratch[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::super::pace::Line;
    use super::super::statistics::Statistics;
    use super::*;

    /// Yields one byte at a time, which is the hardest case.
    struct Drops(io::Cursor<Vec<u8>>);

    impl Read for Drops {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = buffer.len().min(1);
            self.0.read(&mut buffer[..most])
        }
    }

    impl Source for Drops {
        fn discard(&mut self, most: u64, scratch: &mut [u8]) -> io::Result<usize> {
            let most = (most as usize).min(scratch.len());
            self.read(&mut scratch[..most])
        }
    }

    fn inbound(text: &str) -> Inbound<Drops> {
        Inbound::new(Drops(io::Cursor::new(text.as_bytes().to_vec())))
    }

    #[test]
    fn requests_follow_each_other_on_one_connection() {
        let mut inbound = inbound(concat!(
            "PUT /b/one HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
            "PUT /b/two HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\n",
            "GET /b/three HTTP/1.1\r\n\r\n",
        ));
        let head = inbound.head().unwrap().unwrap();
        let (line, statistics) = (Line::new(None), Statistics::default());
        assert_eq!(inbound.discard(head.framing(), &mut Pace::new(None, &line, &statistics)).unwrap(), 5);
        assert_eq!(statistics.json(0, 0)["moved"], 5);
        let head = inbound.head().unwrap().unwrap();
        assert_eq!((head.key(), inbound.keep(head.framing()).unwrap().as_slice()), ("two", &b"abcde"[..]));
        assert_eq!(inbound.head().unwrap().unwrap().key(), "three");
        assert_eq!(inbound.head().unwrap(), None);
    }

    #[test]
    fn an_early_end_is_an_error() {
        assert!(inbound("GET / HT").head().is_err());
        let mut cut = inbound("PUT /b/k HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel");
        let head = cut.head().unwrap().unwrap();
        let (line, statistics) = (Line::new(None), Statistics::default());
        assert!(cut.discard(head.framing(), &mut Pace::new(None, &line, &statistics)).is_err());
    }
}
