//! The whole program under load, against the figures it has to reach.
//!
//! ```text
//! cargo bench --bench host -- [PART …] [--full] [--agents N] [--sockets N] [--posts N] [--seconds S]
//!                             [--run-seconds S] [--repeats R]
//! ```
//!
//! The parts are `footprint`, `start`, `read`, `write`, `upload`, `fleet`, `sockets`, `sessions` and `town`; all
//! of them where none is named. With `--full` they have the sizes of the figures (100,000 agents, 1,000
//! sockets, 130 s); without, small ones that show that they work. Each line says what was measured,
//! the figure, what is wanted, and whether that is reached. Figures of processes are read from
//! `/proc`, so this needs Linux. Databases lie in the target folder: it should be on a disk, not in
//! memory.
//!
//! What is measured runs in a process of its own, so that the memory and the time of the measuring
//! are not counted. Ratios are taken within one run, by turns, and are medians.

mod bare;
mod blank;
mod figure;
#[path = "../common/fleet.rs"]
mod fleet;
mod footprint;
#[path = "../common/hosting.rs"]
mod hosting;
mod http;
mod load;
mod options;
mod process;
#[path = "../common/raw.rs"]
mod raw;
mod reading;
#[path = "../common/rows.rs"]
mod rows;
mod running;
mod server;
mod sockets;
mod starting;
mod talking;
mod town;
mod uploading;
mod writing;

use std::process::ExitCode;

use anyhow::Result;
use options::{Options, Part};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if process::serve_as_child(&arguments)? {
        return Ok(ExitCode::SUCCESS);
    }
    let options = match Options::read(&arguments) {
        Ok(options) => options,
        Err(wrong) => {
            figure::complain(&wrong);
            return Ok(ExitCode::from(2));
        }
    };
    figure::heading();
    for part in &options.parts {
        match part {
            Part::Footprint => footprint::measure(&options)?,
            Part::Start => starting::measure(&options)?,
            Part::Read => reading::measure(&options)?,
            Part::Write => writing::measure(&options)?,
            Part::Upload => uploading::measure(&options)?,
            Part::Fleet => running::measure(&options)?,
            Part::Sockets => sockets::measure(&options)?,
            Part::Sessions => talking::measure(&options)?,
            Part::Town => town::measure(&options)?,
        }
    }
    Ok(ExitCode::SUCCESS)
}
