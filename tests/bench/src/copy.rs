//! The physical limit: the same bytes over one loopback connection by the cheapest means the kernel has, unsigned and
//! unchecked. What a real client takes above this is its own.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;

use crate::Outcome;

/// `copy up|down DIR HOST:PORT BUCKET/PREFIX`: every file of DIR, or every object that a file of DIR is named like into
/// `DIR.down`.
pub(crate) fn main(arguments: &[String]) -> Outcome<()> {
    let [direction, from, to, authority, prefix] = arguments else {
        return Err("copy up|down NAMES-DIR TO-DIR HOST:PORT BUCKET/PREFIX".into());
    };
    let stream = TcpStream::connect(authority)?;
    stream.set_nodelay(true)?;
    let mut connection = BufReader::new(stream);
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().ok_or("a name that is not UTF-8")?;
        match direction.as_str() {
            "up" => put(&mut connection, &entry.path(), &format!("/{prefix}{name}"))?,
            _ => get(&mut connection, &Path::new(to).join(name), &format!("/{prefix}{name}"))?,
        }
    }
    Ok(())
}

fn put(connection: &mut BufReader<TcpStream>, file: &Path, path: &str) -> Outcome<()> {
    let mut file = File::open(file)?;
    let size = file.metadata()?.len();
    let stream = connection.get_mut();
    write!(stream, "PUT {path} HTTP/1.1\r\nhost: sink\r\ncontent-length: {size}\r\n\r\n")?;
    // From a file to a socket this is sendfile.
    io::copy(&mut file, stream)?;
    answer(connection).map(|_| ())
}

fn get(connection: &mut BufReader<TcpStream>, file: &Path, path: &str) -> Outcome<()> {
    write!(connection.get_mut(), "GET {path} HTTP/1.1\r\nhost: sink\r\n\r\n")?;
    let size = answer(connection)?;
    let mut file = File::create(file)?;
    let early = connection.buffer().len() as u64;
    io::copy(&mut connection.take(early.min(size)), &mut file)?;
    let rest = size - early.min(size);
    // From a socket to a file this is a large buffer's read and write: splice would need a pipe between.
    let mut buffer = vec![0; 256 * 1024];
    let mut left = rest;
    while left > 0 {
        let window = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = connection.get_mut().read(&mut buffer[..window])?;
        if read == 0 {
            return Err("the connection ended within a body".into());
        }
        file.write_all(&buffer[..read])?;
        left -= read as u64;
    }
    connection.consume(0);
    Ok(())
}

/// The length of the answer's body, which is not read.
fn answer(connection: &mut BufReader<TcpStream>) -> Outcome<u64> {
    let mut length = 0;
    let mut first = true;
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line)? == 0 {
            return Err("the connection ended within an answer".into());
        }
        let line = line.trim_end();
        if first && line.split(' ').nth(1) != Some("200") {
            return Err(format!("the sink answered {line}").into());
        }
        first = false;
        if line.is_empty() {
            return Ok(length);
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
}
