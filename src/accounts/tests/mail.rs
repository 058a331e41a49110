//! E-mail to a server that says what SMTP has it say.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::support::text;
use crate::accounts::{
    AccountsSettings, EmailSettings, Letter, SmtpSecurity, SmtpSettings, courier,
};

/// Takes one message; answers with what it was.
async fn one_message(listener: TcpListener) -> String {
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 here\r\n").await.unwrap();
    let mut message = String::new();
    let mut is_data = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap() == 0 {
            return message;
        }
        if is_data {
            if line == ".\r\n" {
                is_data = false;
                stream.write_all(b"250 taken\r\n").await.unwrap();
            } else {
                message.push_str(&line);
            }
            continue;
        }
        let answer = match line.get(..4).unwrap_or_default() {
            "DATA" => {
                is_data = true;
                "354 go on\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => {
                message.push_str(&line);
                "250 fine\r\n"
            }
        };
        stream.write_all(answer.as_bytes()).await.unwrap();
        if line.starts_with("QUIT") {
            return message;
        }
    }
}

#[actix_web::test]
async fn a_code_goes_to_its_address_by_smtp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let settings = AccountsSettings {
        email: EmailSettings { enabled: true, from: Some("Host <host@example.org>".to_owned()) },
        smtp: SmtpSettings {
            host: Some("127.0.0.1".to_owned()),
            port,
            security: SmtpSecurity::None,
            ..SmtpSettings::default()
        },
        ..AccountsSettings::default()
    };
    assert_eq!(settings.check(), Ok(()));
    let courier = courier(&settings).unwrap();
    let server = tokio::spawn(one_message(listener));
    courier.bring(Letter { to: "ada@example.org".to_owned(), code: text("123456") });
    let message = server.await.unwrap();
    for part in ["MAIL FROM:<host@example.org>", "RCPT TO:<ada@example.org>", "123456", "Subject:"]
    {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn a_server_needs_a_sender_and_time() {
    let with = |from: Option<&str>, user: Option<&str>, timeout_s| AccountsSettings {
        email: EmailSettings { enabled: true, from: from.map(str::to_owned) },
        smtp: SmtpSettings {
            host: Some("mail.example.org".to_owned()),
            user: user.map(str::to_owned),
            timeout_s,
            ..SmtpSettings::default()
        },
        ..AccountsSettings::default()
    };
    for (settings, fault) in [
        (with(None, None, 20), Some("email.from")),
        (with(Some("nobody"), None, 20), Some("email.from")),
        (with(None, Some("a@example.org"), 0), Some("smtp.timeout_s")),
        (with(None, Some("a@example.org"), 20), None),
        (AccountsSettings::default(), None),
    ] {
        let found = settings.check().err();
        assert_eq!(found.is_some(), fault.is_some(), "{found:?}");
        assert!(found.unwrap_or_default().starts_with(fault.unwrap_or_default()));
    }
}
