//! Standard input, cut into reads by its bytes alone.

use std::io::{self, BufRead, BufReader, Read};

/// A stream that answers reads the same however the host delivers it.
pub(crate) struct Input {
    stream: BufReader<Box<dyn Read + Send>>,
    by_line: bool,
}

impl Input {
    /// `by_line` ends a read after a newline.
    pub(crate) fn new(stream: impl Read + Send + 'static, by_line: bool) -> Self {
        Input { stream: BufReader::new(Box::new(stream)), by_line }
    }

    /// Fills `bytes` up to the end of the stream, or of the line, and says how many.
    pub(super) fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < bytes.len() {
            match self.piece(&mut bytes[done..]) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            }
            if self.by_line && bytes[..done].ends_with(b"\n") {
                break;
            }
        }
        Ok(done)
    }

    /// Some bytes, not beyond the first newline when lines matter.
    fn piece(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if !self.by_line {
            return self.stream.read(bytes).map(|count| count.min(bytes.len()));
        }
        let ready = self.stream.fill_buf()?;
        let line = ready.iter().position(|&b| b == b'\n').map_or(ready.len(), |at| at + 1);
        let count = line.min(bytes.len());
        bytes[..count].copy_from_slice(&ready[..count]);
        self.stream.consume(count);
        Ok(count)
    }
}
