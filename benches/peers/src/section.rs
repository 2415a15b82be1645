//! A part of a Markdown file that a program writes: what is between `<!-- NAME -->` and `<!-- end of NAME -->`, each a line
//! of its own. The rest of the file is not touched.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a file has no such part.
#[derive(Debug, Error)]
pub enum Error {
    /// It cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// One of the lines is missing, or both are in the wrong order.
    #[error("{}: no line `<!-- {name} -->` with `<!-- end of {name} -->` after it", path.display())]
    Markers {
        /// Of the file.
        path: PathBuf,
        /// Of the part.
        name: String,
    },
}

/// Puts `body` between the lines of part `name` of a file.
///
/// # Errors
///
/// If the file cannot be read or written, or has no such part.
pub fn write(path: &Path, name: &str, body: &str) -> Result<(), Error> {
    let of_file = |source| Error::File { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(of_file)?;
    let no_part = || Error::Markers { path: path.to_owned(), name: name.to_owned() };
    let text = replaced(&text, name, body).ok_or_else(no_part)?;
    std::fs::write(path, text).map_err(of_file)
}

/// `text` with another part `name`, if it has such a part.
fn replaced(text: &str, name: &str, body: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let from = line(text, &begin)? + begin.len();
    let to = from + line(&text[from..], &end)?;
    Some(format!("{}\n{}\n\n{}", &text[..from], body.trim_matches('\n'), &text[to..]))
}

/// Where a line begins; `wanted` ends with a line break.
fn line(text: &str, wanted: &str) -> Option<usize> {
    text.match_indices(wanted).map(|(at, _)| at).find(|&at| at == 0 || text[..at].ends_with('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "before\n<!-- peers -->\nold\n<!-- end of peers -->\nafter\n";

    #[test]
    fn only_what_is_between_the_lines_changes() {
        let wanted = "before\n<!-- peers -->\n\nnew\n\n<!-- end of peers -->\nafter\n";
        assert_eq!(replaced(TEXT, "peers", "new\n").as_deref(), Some(wanted));
        assert_eq!(replaced(wanted, "peers", "new\n").as_deref(), Some(wanted));
    }

    #[test]
    fn an_empty_part_can_be_filled() {
        let empty = "<!-- peers -->\n<!-- end of peers -->\n";
        let wanted = "<!-- peers -->\n\nnew\n\n<!-- end of peers -->\n";
        assert_eq!(replaced(empty, "peers", "new").as_deref(), Some(wanted));
    }

    #[test]
    fn markers_count_only_as_lines_in_order() {
        assert_eq!(replaced(TEXT, "latency", "new"), None);
        assert_eq!(replaced("see <!-- peers -->\n<!-- end of peers -->\n", "peers", "new"), None);
        assert_eq!(replaced("<!-- end of peers -->\n<!-- peers -->\n", "peers", "new"), None);
    }
}
