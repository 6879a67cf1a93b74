//! The physical limit: moves the same bytes over one loopback connection by the cheapest means of the kernel, unsigned
//! and unchecked. Any additional cost is the client's own.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;

use crate::Outcome;

/// Runs `copy up|down DIR HOST:PORT BUCKET/PREFIX`: uploads every file of DIR, or downloads every object with the name
/// of a file of DIR to `DIR.down`.
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
    // From a file to a socket, this uses sendfile.
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
    // From a socket to a file, this reads into a large buffer and writes it: splice would need a pipe in between.
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
    Ok(())
}

/// Returns the length of the response's body, which is not read.
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
