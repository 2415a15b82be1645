//! Standard input, cut into reads by its bytes alone.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};

/// A stream that answers reads the same however the host delivers it.
pub(crate) struct Input {
    /// What is to be read again before anything else.
    unread: VecDeque<u8>,
    stream: Stream,
    by_line: bool,
}

/// A stream that gets a buffer when something is read: most guests read nothing.
struct Stream {
    unbuffered: Option<Box<dyn Read + Send>>,
    buffered: Option<BufReader<Box<dyn Read + Send>>>,
}

impl Stream {
    fn reader(&mut self) -> &mut BufReader<Box<dyn Read + Send>> {
        let unbuffered = &mut self.unbuffered;
        self.buffered
            .get_or_insert_with(|| BufReader::new(unbuffered.take().unwrap_or_else(|| Box::new(io::empty()))))
    }
}

impl Input {
    /// `by_line` ends a read after a newline.
    pub(crate) fn new(stream: impl Read + Send + 'static, by_line: bool) -> Self {
        Input {
            unread: VecDeque::new(),
            stream: Stream { unbuffered: Some(Box::new(stream)), buffered: None },
            by_line,
        }
    }

    /// Fills `bytes` up to the end of the stream, or of the line, and says how many.
    pub(in crate::linux) fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
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

    /// Puts bytes back that were read: they come before all others.
    pub(in crate::linux) fn unread(&mut self, bytes: &[u8]) {
        for &byte in bytes.iter().rev() {
            self.unread.push_front(byte);
        }
    }

    /// Some bytes, not beyond the first newline when lines matter.
    fn piece(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let is_again = !self.unread.is_empty();
        if !is_again && !self.by_line {
            return self.stream.reader().read(bytes).map(|count| count.min(bytes.len()));
        }
        let ready = if is_again { self.unread.as_slices().0 } else { self.stream.reader().fill_buf()? };
        let newline = ready.iter().position(|&b| self.by_line && b == b'\n');
        let line = newline.map_or(ready.len(), |at| at + 1);
        let count = line.min(bytes.len());
        bytes[..count].copy_from_slice(&ready[..count]);
        if is_again {
            self.unread.drain(..count);
        } else {
            self.stream.reader().consume(count);
        }
        Ok(count)
    }
}
