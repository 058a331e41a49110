//! Files of the largest size: how fast they are taken in, and what that costs in memory.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::figure::{Sample, Unit, Wanted, tell};
use crate::http::Client;
use crate::options::Options;
use crate::process::folder;
use crate::server::Server;

/// Bytes of a file: as many as one may have.
const FILE: usize = 50 * 1024 * 1024;

/// Clients that upload at once.
const TOGETHER: usize = 16;

/// How long the program is left alone before its memory is read.
const SETTLE: Duration = Duration::from_secs(2);

#[allow(clippy::disallowed_methods, reason = "there is no actor in this process to stall")]
pub(crate) fn measure(options: &Options) -> Result<()> {
    let request = request();
    let (mut rate, mut alone, mut together) =
        (Sample::default(), Sample::default(), Sample::default());
    for _ in 0..options.repeats {
        let folder = folder()?;
        let mut server = Server::program(folder.path(), &[])?;
        server.answers("/healthz")?;
        std::thread::sleep(SETTLE);
        let before = server.usage()?.resident;
        rate.add(upload(server.address, &request)?);
        alone.add((server.usage()?.resident - before) / 1e6);
        std::thread::scope(|scope| {
            let clients = (0..TOGETHER).map(|_| scope.spawn(|| upload(server.address, &request)));
            // All of them begin before the first is waited for.
            let clients: Vec<_> = clients.collect();
            for client in clients {
                client.join().map_err(|_panic| anyhow::anyhow!("a client panicked"))??;
            }
            anyhow::Ok(())
        })?;
        together.add((server.usage()?.resident - before) / 1e6);
    }
    let what = "50 MB uploaded, durable: taken in a second";
    tell(what, rate.median(), Unit::Megabytes, Wanted::Nothing);
    let most = Wanted::AtMost(5.0);
    tell("resident after one upload of 50 MB, more", alone.median(), Unit::Megabytes, most);
    let what = format!("resident after {TOGETHER} at once, more");
    tell(&what, together.median(), Unit::Megabytes, Wanted::AtMost(50.0));
    Ok(())
}

/// Uploads the file; answers with megabytes in a second.
fn upload(address: SocketAddr, request: &[u8]) -> Result<f64> {
    let began = Instant::now();
    let mut client = Client::connect(address)?;
    let answer = client.ask(request)?;
    let said = String::from_utf8_lossy(answer.body);
    ensure!(answer.status == 200, "the upload: {} {said}", answer.status);
    Ok(50.0 / began.elapsed().as_secs_f64())
}

fn request() -> Vec<u8> {
    let part = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"film.mp4\"\r\n\
                Content-Type: video/mp4\r\n\r\n";
    let film = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41";
    let end = "\r\n--b--\r\n";
    let mut body = [part.as_bytes(), film].concat();
    body.resize(part.len() + FILE, 7);
    body.extend_from_slice(end.as_bytes());
    let head = format!(
        "POST /api/media/agents/00000000-0000-4000-8000-000000000000/upload-media HTTP/1.1\r\n\
         Host: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}
