//! Binding a listener.

use std::io;
use std::net::{SocketAddr, TcpListener};
#[cfg(target_os = "linux")]
use std::time::Duration;

#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::net::TcpSocket;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 2_048;

/// How long a client may leave what it was sent untaken, on each connection. Without it one that never
/// reads keeps its connection, and its place among the sockets, for as long as it likes.
#[cfg(target_os = "linux")]
const UNTAKEN: Duration = Duration::from_secs(60);

/// Ports that are tried where the first is busy, the first included, as elizaOS does.
const TRIES: u16 = 10;

/// Whether a busy port may be stepped over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    /// Somebody chose it: it or none.
    Chosen,
    /// It is the default: one of the next will do.
    Default,
}

/// Binds to `address`, or to one of the next ports where that is busy and nobody chose it.
///
/// # Errors
/// Why the first address could not be bound.
pub(super) fn bind(address: SocketAddr, port: Port) -> io::Result<TcpListener> {
    let tries = match port {
        Port::Default if address.port() != 0 => TRIES,
        Port::Default | Port::Chosen => 1,
    };
    let mut refused = None;
    for step in 0..tries {
        let Some(number) = address.port().checked_add(step) else { break };
        match listen(SocketAddr::new(address.ip(), number)) {
            Ok(listener) => return Ok(listener),
            Err(error) => {
                let is_busy = error.kind() == io::ErrorKind::AddrInUse;
                refused.get_or_insert(error);
                if !is_busy {
                    break;
                }
            }
        }
    }
    Err(refused.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // So that a restart need not wait for the connections of the process before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?.into_std()?;
    // Connections have it from their listener.
    #[cfg(target_os = "linux")]
    SockRef::from(&listener).set_tcp_user_timeout(Some(UNTAKEN))?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_connection_is_given_up_whose_client_takes_nothing() {
        let listener = bind(any(), Port::Chosen).unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (connection, _) = listener.accept().unwrap();
        let timeout = SockRef::from(&connection).tcp_user_timeout().unwrap();
        assert_eq!(timeout, Some(UNTAKEN));
    }

    #[tokio::test]
    async fn a_busy_port_is_stepped_over_only_where_nobody_chose_it() {
        let taken = bind(any(), Port::Chosen).unwrap();
        let address = taken.local_addr().unwrap();
        let error = bind(address, Port::Chosen).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        if let Ok(next) = bind(address, Port::Default) {
            let next = next.local_addr().unwrap().port();
            assert!((1..TRIES).contains(&(next - address.port())), "{next}");
        }
    }
}
