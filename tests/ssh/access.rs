//! Who comes in, where, and for how long.

use std::time::Duration;

use greenroom::ssh::{Means, NewGrant, SshError, SshSettings};
use greenroom_actors::lifecycle::Command;
use tokio::net::TcpStream;

use super::bench::{Bench, Client, Heard, key};
use crate::support::until;

const HOUR: Duration = Duration::from_secs(3600);

#[actix::test]
async fn a_credential_lets_its_bearer_in_to_its_agent_and_to_no_other() {
    let bench = Bench::new().await;
    let (ada, bob) = (bench.agent("Ada").await, bench.agent("Bob").await);
    let (port, password) = bench.password(ada).await;
    let (other, others) = bench.password(bob).await;
    assert_ne!(port, other);
    let client = Client::login(port, "developer", &password).await.unwrap();
    let heard = client.exec("hello").await;
    assert_eq!((heard.out.as_str(), heard.status), ("echo: hello\n", Some(0)));
    for (port, user, password) in [
        (port, "developer", others.as_str()),
        (port, "developer", ""),
        (port, "developer", &password[1..]),
        (port, "root", &password),
        (port, "Ada", &password),
        (other, "developer", &password),
    ] {
        assert!(Client::login(port, user, password).await.is_none(), "{user} {password}");
    }
    // A key may be good for both: the port says whom it is for.
    let (private, public) = key();
    assert!(Client::login_by_key(port, &private).await.is_none());
    for agent in [ada, bob] {
        bench.grant(agent, Means::Key(format!("{public} me@home"))).await;
    }
    for (port, name) in [(port, "Ada"), (other, "Bob")] {
        let client = Client::login_by_key(port, &private).await.unwrap();
        let channel = client.session().await;
        channel.request_shell(true).await.unwrap();
        channel.data_bytes("/status\n").await.unwrap();
        channel.eof().await.unwrap();
        let heard = Heard::all(channel).await;
        assert!(heard.out.to_lowercase().starts_with(&name.to_lowercase()), "{heard:?}");
    }
    assert!(Client::login_by_key(port, &key().0).await.is_none());
}

#[actix::test]
async fn access_ends_when_its_time_is_over_and_so_do_open_sessions() {
    let bench = Bench::new().await;
    let ada = bench.agent("Ada").await;
    let (port, password) = bench.password(ada).await;
    let later = bench.grant(ada, Means::Password).await;
    assert_eq!(later.port, port);
    let client = Client::login(port, "developer", &password).await.unwrap();
    bench.clock.advance(HOUR - Duration::from_secs(1)).await;
    assert!(Client::login(port, "developer", &password).await.is_some());
    // Another has it for longer: the port stays open for them.
    let (private, public) = key();
    let wish = NewGrant {
        agent: ada,
        user: "admin".to_owned(),
        port: 0,
        means: Means::Key(public),
        ttl: 100 * HOUR,
    };
    let longest = bench.ssh.grant(wish).await.unwrap();
    assert_eq!(longest.expires_at.0 - later.expires_at.0, 24 * 3_600_000 - 1_000);
    bench.clock.advance(Duration::from_secs(1)).await;
    assert!(Client::login(port, "developer", &password).await.is_none());
    until("the session has ended", async || client.0.is_closed().then_some(())).await;
    assert!(Client::login_by_key(port, &private).await.is_some());
    bench.clock.advance(24 * HOUR).await;
    until("nobody listens", async || TcpStream::connect(("127.0.0.1", port)).await.err()).await;
    assert!(bench.registry.store().documents("ssh", "", 0, 9).await.unwrap().is_empty());
}

#[actix::test]
async fn access_lasts_over_a_restart_and_nothing_that_is_kept_lets_anybody_in() {
    let bench = Bench::new().await;
    let ada = bench.agent("Ada").await;
    let (port, password) = bench.password(ada).await;
    let seen = bench.ssh.fingerprint().unwrap().to_owned();
    let kept = bench.registry.store().documents("ssh", "", 0, 9).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert!(!kept[0].value.to_string().contains(&password));
    let bench = bench.again().await;
    assert_eq!(bench.ssh.fingerprint().unwrap(), seen);
    assert!(Client::login(port, "developer", &password).await.is_some());
    // What ended while it was down is forgotten.
    bench.ssh.close().await;
    bench.clock.advance(HOUR).await;
    let bench = bench.again().await;
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    assert!(bench.registry.store().documents("ssh", "", 0, 9).await.unwrap().is_empty());
}

#[actix::test]
async fn access_that_is_taken_back_is_over_at_once() {
    let bench = Bench::new().await;
    let (ada, bob) = (bench.agent("Ada").await, bench.agent("Bob").await);
    let (port, password) = bench.password(ada).await;
    let (other, others) = bench.password(bob).await;
    let client = Client::login(port, "developer", &password).await.unwrap();
    assert_eq!(bench.ssh.revoke(ada).await.unwrap(), 1);
    assert!(Client::login(port, "developer", &password).await.is_none());
    until("the session has ended", async || client.0.is_closed().then_some(())).await;
    assert!(Client::login(other, "developer", &others).await.is_some());
    assert_eq!(bench.ssh.revoke_of("nobody").await.unwrap(), 0);
    assert_eq!(bench.ssh.revoke_of("admin").await.unwrap(), 1);
    assert!(Client::login(other, "developer", &others).await.is_none());
}

#[actix::test]
async fn nobody_comes_in_to_an_agent_that_does_not_run() {
    let bench = Bench::new().await;
    let ada = bench.agent("Ada").await;
    let (port, password) = bench.password(ada).await;
    for (command, back) in [(Command::Stop, Command::Start), (Command::Pause, Command::Resume)] {
        let client = Client::login(port, "developer", &password).await.unwrap();
        bench.tell(ada, command).await;
        until("the session has ended", async || client.0.is_closed().then_some(())).await;
        assert!(Client::login(port, "developer", &password).await.is_none());
        bench.tell(ada, back).await;
    }
    assert!(Client::login(port, "developer", &password).await.is_some());
    bench.registry.remove(ada, false).await.unwrap();
    assert!(Client::login(port, "developer", &password).await.is_none());
    let wish = NewGrant {
        agent: ada,
        user: "admin".to_owned(),
        port: 0,
        means: Means::Password,
        ttl: HOUR,
    };
    assert!(matches!(bench.ssh.grant(wish).await, Err(SshError::Core(_))));
}

#[actix::test]
async fn whoever_is_wrong_too_often_is_not_heard() {
    let bench = Bench::new().await;
    let ada = bench.agent("Ada").await;
    let (port, password) = bench.password(ada).await;
    let mut client = Client::connect(port).await.unwrap();
    let mut tries = 0;
    // Some clients ask without a password first, which leaves them three tries.
    while let Ok(said) = client.0.authenticate_password("developer", "wrong").await {
        assert!(!said.success());
        tries += 1;
        assert!(tries < 10);
    }
    assert!((3..=5).contains(&tries), "{tries}");
    let tries = (0..6).map(async |_| {
        let Ok(mut client) = Client::connect(port).await else { return };
        while client.0.authenticate_password("developer", "wrong").await.is_ok() {}
    });
    futures::future::join_all(tries).await;
    assert!(Client::login(port, "developer", &password).await.is_none());
    bench.clock.advance(Duration::from_secs(600)).await;
    assert!(Client::login(port, "developer", &password).await.is_some());
}

#[actix::test]
async fn whoever_says_nothing_keeps_nobody_out_for_long() {
    let bench = Bench::new().await;
    let ada = bench.agent("Ada").await;
    let (port, password) = bench.password(ada).await;
    let inside = Client::login(port, "developer", &password).await.unwrap();
    let silent = (0..16).map(|_| TcpStream::connect(("127.0.0.1", port)));
    let silent = futures::future::try_join_all(silent).await.unwrap();
    assert!(Client::connect(port).await.is_err(), "one address has so many places");
    assert!(inside.exec("hello").await.out.contains("hello"), "whoever is in already stays");
    drop(silent);
    while Client::login(port, "developer", &password).await.is_none() {
        tokio::task::yield_now().await;
    }
}

#[actix::test]
async fn there_are_no_more_sessions_than_there_may_be() {
    let bench = Bench::with(|settings| settings.sessions_max = 1).await;
    let ada = bench.agent("Ada").await;
    let (port, password) = bench.password(ada).await;
    let first = Client::login(port, "developer", &password).await.unwrap();
    let second = Client::login(port, "developer", &password).await;
    // It is let in and then sent away, with the reason.
    let is_away = async |client: Client| client.0.channel_open_session().await.is_err();
    assert!(second.is_none() || is_away(second.unwrap()).await);
    assert!(first.exec("hello").await.out.contains("hello"));
    drop(first);
    let mut third = Client::login(port, "developer", &password).await;
    while third.is_none() || is_away(third.unwrap()).await {
        third = Client::login(port, "developer", &password).await;
    }
}

#[actix::test]
async fn where_there_is_no_ssh_nobody_is_told_otherwise() {
    let bench = Bench::new().await;
    let ada = bench.agent("Ada").await;
    let wish = |means| NewGrant { agent: ada, user: "admin".to_owned(), port: 0, means, ttl: HOUR };
    for (key, told) in [("ssh-rsa AAAA", "format"), ("nonsense", "format")] {
        let refused = bench.ssh.grant(wish(Means::Key(key.to_owned()))).await.unwrap_err();
        assert!(refused.to_string().contains(told), "{refused}");
    }
    // A port that somebody else has is no port of an agent.
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let refused = bench.ssh.grant(NewGrant { port, ..wish(Means::Password) }).await;
    assert!(matches!(refused, Err(SshError::Port { .. })), "{refused:?}");
    assert!(bench.registry.store().documents("ssh", "", 0, 9).await.unwrap().is_empty());
    let settings = SshSettings { enabled: false, ..bench.settings.clone() };
    let bench = Bench { settings, ..bench }.again().await;
    let refused = bench.ssh.grant(wish(Means::Password)).await;
    assert!(matches!(refused, Err(SshError::Disabled)));
}
