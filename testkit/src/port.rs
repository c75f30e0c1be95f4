use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

/// A port no other test takes while this value lives, down times of its server included.
///
/// It lies below the range the kernel gives to outgoing connections, so none of them can sit on it either.
#[derive(Debug)]
pub struct Port {
    pub(crate) number: u16,
    _claim: UdpSocket,
}

impl Port {
    /// Takes one.
    ///
    /// # Panics
    ///
    /// When none is free.
    pub fn reserve() -> Self {
        let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), ());
        let start = (random % 20_000) as u16;
        let candidates = (0..20_000).map(|step| 12_000 + (start + step) % 20_000);
        for number in candidates {
            let addr = (Ipv4Addr::LOCALHOST, number);
            if let (Ok(claim), Ok(_)) = (UdpSocket::bind(addr), TcpListener::bind(addr)) {
                return Self { number, _claim: claim };
            }
        }
        panic!("no free port between 12000 and 31999")
    }

    /// The port at 127.0.0.1.
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.number))
    }
}
