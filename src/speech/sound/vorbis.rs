//! What a Vorbis decoder would take for its tables. A few kilobytes can ask for gigabytes: a codebook
//! of 20 bytes unfolds into 16 MB, and there may be 256 of them.

use symphonia::core::io::{BitReaderRtl, ReadBitsRtl};

/// Bytes of the identification header, and of what a header begins with.
const IDENTIFICATION_BYTES: usize = 30;
const START_BYTES: usize = 7;

/// Cells of all tables at most: 16 MB, some twenty times of what encoders make.
const CELLS_MAX: u64 = 4_000_000;

/// Cells of an entry by itself, its codeword and its place.
const CELLS_OF_ENTRY: u64 = 4;

/// What marks a codebook.
const SYNC: u32 = 0x56_43_42;

/// Whether the tables that the headers describe are of a size that real ones have.
pub(super) fn is_sane(headers: &[u8]) -> bool {
    let setup = headers.get(IDENTIFICATION_BYTES.saturating_add(START_BYTES)..);
    setup.and_then(|setup| cells(&mut BitReaderRtl::new(setup))).is_some()
}

/// The cells of all codebooks; `None` where they are too many or no codebooks.
fn cells(bits: &mut BitReaderRtl<'_>) -> Option<u64> {
    let count = number(bits, 8)?.saturating_add(1);
    let mut cells = 0_u64;
    for _ in 0..count {
        cells = cells.saturating_add(codebook(bits)?);
        if cells > CELLS_MAX {
            return None;
        }
    }
    Some(cells)
}

/// Reads over one codebook (Vorbis I, section 3.2.1); how many cells it has.
fn codebook(bits: &mut BitReaderRtl<'_>) -> Option<u64> {
    let is_one = number(bits, 24)? == SYNC;
    let (dimensions, entries) = (number(bits, 16)?, number(bits, 24)?);
    if !is_one || dimensions == 0 || u64::from(entries) > CELLS_MAX {
        return None;
    }
    if number(bits, 1)? == 1 {
        ordered_lengths(bits, entries)?;
    } else {
        lengths(bits, entries)?;
    }
    let all = u64::from(entries).checked_mul(u64::from(dimensions))?;
    let (values, unfolded) = match number(bits, 4)? {
        0 => return Some(u64::from(entries).saturating_mul(CELLS_OF_ENTRY)),
        1 => (u64::from(root(entries, dimensions)), all),
        2 => (all, all),
        _ => return None,
    };
    if unfolded > CELLS_MAX {
        return None;
    }
    // The least value, and the step.
    number(bits, 32)?;
    number(bits, 32)?;
    let width = number(bits, 4)?.saturating_add(1);
    number(bits, 1)?;
    for _ in 0..values {
        number(bits, width)?;
    }
    Some(unfolded.saturating_add(u64::from(entries).saturating_mul(CELLS_OF_ENTRY)))
}

/// The lengths of codewords, one by one.
fn lengths(bits: &mut BitReaderRtl<'_>, entries: u32) -> Option<()> {
    let is_sparse = number(bits, 1)? == 1;
    for _ in 0..entries {
        if !is_sparse || number(bits, 1)? == 1 {
            number(bits, 5)?;
        }
    }
    Some(())
}

/// The lengths of codewords, in order: how many there are of each.
fn ordered_lengths(bits: &mut BitReaderRtl<'_>, entries: u32) -> Option<()> {
    number(bits, 5)?;
    let mut left = entries;
    // A codeword has at most 32 bits.
    for _ in 0..=32 {
        let width = u32::BITS.saturating_sub(left.leading_zeros());
        left = left.checked_sub(number(bits, width)?)?;
        if left == 0 {
            return Some(());
        }
    }
    None
}

/// The greatest number that, to the power of `dimensions`, is not greater than `entries`.
fn root(entries: u32, dimensions: u32) -> u32 {
    let fits = |number: u32| number.checked_pow(dimensions).is_some_and(|power| power <= entries);
    (1..=entries).take_while(|number| fits(*number)).last().unwrap_or(0)
}

fn number(bits: &mut BitReaderRtl<'_>, width: u32) -> Option<u32> {
    bits.read_bits_leq32(width).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Headers of as many codebooks of so many entries and dimensions, each of 20 bytes or so.
    fn headers(codebooks: u64, entries: u64, dimensions: u64) -> Vec<u8> {
        let mut bits = Vec::new();
        let mut put = |value: u64, width: u32| {
            bits.extend((0..width).map(|n| value.checked_shr(n).unwrap_or(0) & 1 == 1))
        };
        put(codebooks - 1, 8);
        for _ in 0..codebooks {
            put(u64::from(SYNC), 24);
            put(dimensions, 16);
            put(entries, 24);
            // In order, and all of the same length.
            put(1, 1);
            put(u64::from(entries.ilog2()) - 1, 5);
            put(entries, entries.ilog2() + 1);
            put(1, 4);
            put(0, 64);
            put(0, 4);
            put(0, 1);
            let entries = u32::try_from(entries).unwrap();
            put(0, root(entries, u32::try_from(dimensions).unwrap()));
        }
        let pack =
            |bits: &[bool]| bits.iter().rev().fold(0, |byte: u8, bit| byte << 1 | u8::from(*bit));
        let packed = bits.chunks(8).map(pack);
        vec![0; IDENTIFICATION_BYTES + START_BYTES].into_iter().chain(packed).collect()
    }

    #[test]
    fn a_few_bytes_do_not_unfold_into_gigabytes() {
        for (codebooks, entries, dimensions, expected) in [
            (1, 256, 2, true),
            (40, 4_096, 8, true),
            (1, 131_072, 16, true),
            (1, 131_072, 32, false),
            (256, 131_072, 1, false),
            (256, 8_192, 8, false),
        ] {
            let headers = headers(codebooks, entries, dimensions);
            assert_eq!(is_sane(&headers), expected, "{codebooks} x {entries} x {dimensions}");
            assert!(!is_sane(&headers[..headers.len() - 2]));
        }
        assert!(!is_sane(b"") && !is_sane(&[0; 100]));
    }

    #[test]
    fn a_root_is_rounded_down() {
        for (entries, dimensions, expected) in
            [(81, 4, 3), (80, 4, 2), (131_072, 32, 1), (7, 1, 7), (0, 3, 0)]
        {
            assert_eq!(root(entries, dimensions), expected, "{entries} {dimensions}");
        }
    }
}
