//! SSH: who comes in and for how long, the console, the files; clients written here, and the real ones.

mod access;
mod bench;
mod console;
mod files;
mod programs;
