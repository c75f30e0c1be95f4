//! A DNS server over UDP that knows a few names.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// What is answered about a name. One that was not named does not exist.
#[derive(Debug, Clone)]
pub enum DnsAnswer {
    /// These addresses; an empty list is a name without any.
    Addresses(Vec<IpAddr>),
    /// The server's own failure.
    Failure,
    /// Nothing, ever.
    Silence,
}

/// The server. It ends when this is dropped.
pub struct DnsServer {
    addr: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl DnsServer {
    /// Starts one on a free port of 127.0.0.1. Names are written without the last dot: `redis.example.com`.
    ///
    /// # Panics
    ///
    /// Without a runtime, or a free port.
    pub async fn start<const N: usize>(names: [(&str, DnsAnswer); N]) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let addr = socket.local_addr().expect("an address");
        let names = BTreeMap::from(names.map(|(name, answer)| (name.to_owned(), answer)));
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let log = asked.clone();
        let task = tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut query).await {
                let Some(question) = Question::read(&query[..length]) else { continue };
                log.lock().expect("no panic elsewhere").push(question.name.clone());
                if let Some(answer) = question.answer(names.get(&question.name)) {
                    let _ = socket.send_to(&answer, from).await;
                }
            }
        });
        Self { addr, asked, task }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The names that were asked for, in order, each once.
    ///
    /// # Panics
    ///
    /// When the server has panicked.
    pub fn asked(&self) -> Vec<String> {
        let mut seen = self.asked.lock().expect("the server has not panicked").clone();
        // A and AAAA are asked for at once, and again when an answer is late.
        seen.dedup();
        seen
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

const A: u16 = 1;
const AAAA: u16 = 28;

/// The one question of a query.
struct Question<'a> {
    id: [u8; 2],
    /// As it came: name, type and class.
    section: &'a [u8],
    name: String,
    kind: u16,
}

impl<'a> Question<'a> {
    fn read(query: &'a [u8]) -> Option<Self> {
        let (header, body) = query.split_at_checked(12)?;
        let (mut labels, mut at) = (Vec::new(), 0);
        loop {
            let length = usize::from(*body.get(at)?);
            at += 1;
            if length == 0 {
                break;
            }
            labels.push(String::from_utf8_lossy(body.get(at..at + length)?).to_lowercase());
            at += length;
        }
        let kind = u16::from_be_bytes(body.get(at..at + 2)?.try_into().ok()?);
        let id = header.get(..2)?.try_into().ok()?;
        Some(Self { id, section: body.get(..at + 4)?, name: labels.join("."), kind })
    }

    fn answer(&self, known: Option<&DnsAnswer>) -> Option<Vec<u8>> {
        let (code, addresses) = match known {
            Some(DnsAnswer::Silence) => return None,
            Some(DnsAnswer::Failure) => (2, &[][..]),
            Some(DnsAnswer::Addresses(addresses)) => (0, &addresses[..]),
            None => (3, &[][..]),
        };
        let records = addresses.iter().filter_map(|ip| match (ip, self.kind) {
            (IpAddr::V4(ip), A) => Some(ip.octets().to_vec()),
            (IpAddr::V6(ip), AAAA) => Some(ip.octets().to_vec()),
            _ => None,
        });
        let records: Vec<Vec<u8>> = records.collect();
        let count = u8::try_from(records.len()).ok()?;
        let mut answer = self.id.to_vec();
        // an answer, recursion wanted and to be had; one question, so many records
        answer.extend([0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
        answer.extend(self.section);
        for record in records {
            // the name of the question, its type, class IN, a minute to live
            answer.extend([0xc0, 12]);
            answer.extend(self.kind.to_be_bytes());
            answer.extend([0, 1, 0, 0, 0, 60, 0, u8::try_from(record.len()).ok()?]);
            answer.extend(record);
        }
        Some(answer)
    }
}
