//! The console, and what there is not beside it.

use russh::Channel;
use russh::client::Msg;

use super::bench::{Bench, Client, HUSH, Heard};

async fn client(bench: &Bench) -> Client {
    let ada = bench.agent("Ada").await;
    let (port, password) = bench.password(ada).await;
    Client::login(port, "developer", &password).await.unwrap()
}

async fn terminal(client: &Client) -> Channel<Msg> {
    let channel = client.session().await;
    channel.request_pty(true, "xterm", 80, 24, 0, 0, &[]).await.unwrap();
    channel.request_shell(true).await.unwrap();
    channel
}

#[actix::test]
async fn lines_of_a_pipe_are_said_and_answered_in_turn() {
    let bench = Bench::new().await;
    let client = client(&bench).await;
    let channel = client.session().await;
    channel.request_shell(true).await.unwrap();
    let lines = "one\n/nope\n\n/files\n/files ../..\n//etc\n/help\nlast";
    channel.data_bytes(lines).await.unwrap();
    channel.eof().await.unwrap();
    let heard = Heard::all(channel).await;
    let lines = heard.out.lines().collect::<Vec<_>>();
    assert_eq!(lines[0], "echo: one");
    assert_eq!(lines[1], "error: there is no command /nope; see /help");
    assert_eq!(lines[2], "(nothing)");
    assert!(lines[3].starts_with("error: the path"), "{heard:?}");
    assert_eq!(lines[4], "echo: /etc");
    assert!(heard.out.contains("/exit"), "{heard:?}");
    assert_eq!(lines.last(), Some(&"echo: last"));
    assert_eq!(heard.status, Some(0));
}

#[actix::test]
async fn a_terminal_shows_what_is_typed_and_can_cut_an_answer_off() {
    let bench = Bench::new().await;
    let client = client(&bench).await;
    let mut channel = terminal(&client).await;
    let heard = Heard::until(&mut channel, "> ").await;
    assert!(heard.out.starts_with("Ada listens."), "{heard:?}");
    channel.data_bytes("hellp\x7fo\r").await.unwrap();
    let heard = Heard::until(&mut channel, "echo: hello\r\n> ").await;
    assert!(heard.out.starts_with("hellp\x08 \x08o\r\n"), "{heard:?}");
    channel.data_bytes(format!("{HUSH}\r")).await.unwrap();
    Heard::until(&mut channel, "hush\r\n").await;
    channel.data_bytes("\x03").await.unwrap();
    Heard::until(&mut channel, "^C").await;
    channel.data_bytes("half\x03\x04").await.unwrap();
    let heard = Heard::all(channel).await;
    assert!(heard.out.contains("half^C\r\n> \r\n"), "{heard:?}");
    assert_eq!(heard.status, Some(0));
    let channel = terminal(&client).await;
    channel.data_bytes("/exit\r").await.unwrap();
    assert_eq!(Heard::all(channel).await.status, Some(0));
}

#[actix::test]
async fn an_answer_cannot_steer_the_terminal() {
    let bench = Bench::new().await;
    let client = client(&bench).await;
    let heard = client.exec("a\x1b]0;title\x07b").await;
    assert_eq!(heard.out, "echo: a]0;titleb\n");
}

#[actix::test]
async fn there_is_nothing_but_the_console_and_the_files() {
    let bench = Bench::new().await;
    let client = client(&bench).await;
    for command in ["scp -t /tmp", "/usr/lib/openssh/sftp-server", "rsync --server ."] {
        let heard = client.exec(command).await;
        assert_eq!((heard.status, heard.out.as_str()), (Some(1), ""), "{command}");
        assert!(heard.err.contains("no program is run"), "{heard:?}");
    }
    for text in ["", "  "] {
        assert_eq!(client.exec(text).await.status, Some(1));
    }
    let channel = client.session().await;
    channel.set_env(true, "LD_PRELOAD", "x").await.unwrap();
    channel.request_x11(true, false, "MIT", "00", 0).await.unwrap();
    channel.agent_forward(true).await.unwrap();
    channel.request_subsystem(true, "netconf").await.unwrap();
    let mut channel = channel;
    for asked in 0..4 {
        loop {
            match channel.wait().await.unwrap() {
                russh::ChannelMsg::Failure => break,
                russh::ChannelMsg::Success => panic!("the request number {asked} was granted"),
                _ => {}
            }
        }
    }
    assert!(client.0.channel_open_direct_tcpip("127.0.0.1", 22, "127.0.0.1", 1).await.is_err());
    assert!(client.0.channel_open_direct_streamlocal("/run/x").await.is_err());
    assert!(client.0.tcpip_forward("127.0.0.1", 0).await.is_err());
    // A connection has its bound, too.
    let mut open = Vec::new();
    while let Ok(channel) = client.0.channel_open_session().await {
        open.push(channel);
        assert!(open.len() < 20);
    }
    assert!(open.len() >= 4);
}
