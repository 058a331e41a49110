//! Files that are read in pieces, because they may be large.

use std::fs::File;
use std::io::{self, Read, Seek};

use greenroom_actors::time::UnixMillis;

/// Bytes that are looked at at a time.
const PIECE: u64 = 64 * 1024;

/// A file that is open, to be read from its beginning.
#[derive(Debug)]
pub struct Opened {
    /// The file. Reading blocks.
    pub file: File,
    /// Its bytes in number, when it was opened.
    pub size: u64,
    /// Whether all of it was text in UTF-8, when it was opened.
    pub is_text: bool,
    /// When it last changed.
    pub changed_at: UnixMillis,
}

/// Whether all that a file holds is text in UTF-8. Begins at its beginning, and goes back there; never
/// has more of it in memory than a piece.
pub(super) fn is_text(file: &mut File) -> io::Result<bool> {
    file.rewind()?;
    let is_text = all_text(file)?;
    file.rewind()?;
    Ok(is_text)
}

fn all_text(from: &mut impl Read) -> io::Result<bool> {
    let mut piece = Vec::new();
    loop {
        if from.by_ref().take(PIECE).read_to_end(&mut piece)? == 0 {
            // A letter that began and did not end is none.
            return Ok(piece.is_empty());
        }
        match std::str::from_utf8(&piece) {
            Ok(_) => piece.clear(),
            Err(error) if error.error_len().is_none() => drop(piece.drain(..error.valid_up_to())),
            Err(_) => return Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn letters_that_lie_across_two_pieces_are_letters() {
        let piece = usize::try_from(PIECE).unwrap();
        for letter in ["é", "€", "😀"] {
            for before in 0..4 {
                let text = "a".repeat(piece - before) + letter + "b";
                assert!(all_text(&mut text.as_bytes()).unwrap(), "{letter} {before}");
                let broken = text.as_bytes().get(..piece - before + 1).unwrap();
                assert!(!all_text(&mut &*broken).unwrap(), "{letter} {before}");
            }
        }
        assert!(all_text(&mut &b""[..]).unwrap());
    }

    proptest! {
        #[test]
        fn it_is_text_where_the_whole_of_it_would_be(bytes: Vec<u8>) {
            let is_text = std::str::from_utf8(&bytes).is_ok();
            prop_assert_eq!(all_text(&mut bytes.as_slice()).unwrap(), is_text);
        }
    }
}
