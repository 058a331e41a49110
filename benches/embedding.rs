//! The built-in embedder: what it costs to make a text comparable without a network.
//!
//! `cargo bench --bench embedding`.

use divan::Bencher;
use divan::counter::BytesCount;
use greenroom::models::embedding;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SENTENCE: &str = "The gate of the garden is painted green, and nobody knows by whom. ";

fn main() {
    divan::main();
}

/// One text: a line of a conversation, a paragraph, the longest that is looked at.
#[divan::bench(args = [64, 1_024, embedding::TEXT_MAX_BYTES])]
fn embed(bencher: Bencher<'_, '_>, bytes: usize) {
    let text: String = SENTENCE.chars().cycle().take(bytes).collect();
    bencher.counter(BytesCount::new(bytes)).bench(|| embedding::embed(divan::black_box(&text)));
}
