//! How many connections there may be: as many as files may be open, and from one address so many that others find room.

use std::any::Any;
use std::collections::HashMap;
use std::net::{IpAddr, Shutdown};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use ipnet::IpNet;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::SockRef;

use crate::address;

/// Open files that are no connections: databases, webhooks, the log, and some to spare.
const OTHER_FILES: u64 = 256;

/// The longest time for which a client may take nothing of what it is sent.
const STALLED: Duration = Duration::from_secs(30);

/// The most connections of each of the workers: as many as were `wanted`, where the system lets us have them. Asks it
/// for what its administrator allows, since the usual limit is low.
pub fn room(wanted: usize, workers: usize) -> usize {
    let all = (wanted * workers) as u64 + OTHER_FILES;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let allowed = maximum.map_or(all, |maximum| maximum.min(all));
    if current.is_some_and(|current| current < allowed) {
        let raised = Rlimit { current: Some(allowed), maximum };
        if let Err(e) = setrlimit(Resource::Nofile, raised) {
            log::warn!("no more than {current:?} files can be open: {e}");
        }
    }
    let open = getrlimit(Resource::Nofile).current.unwrap_or(all);
    let room = usize::try_from(open.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX) / workers;
    if room < wanted {
        log::info!("room for {room} connections per worker: the system lets us open {open} files");
    }
    room.clamp(1, wanted)
}

/// Who is connected, by address.
pub struct Guests {
    most: u32,
    proxies: Vec<IpNet>,
    open: Mutex<HashMap<IpAddr, u32>>,
}

impl Guests {
    /// At most so many from one address; from proxies as many as there are.
    pub fn new(most: u32, proxies: Vec<IpNet>) -> Self {
        Self { most, proxies, open: Mutex::default() }
    }

    /// Lets a connection in, or ends it. Ends it also where its other side takes nothing any more: who follows an
    /// endless stream would hold one for ever. `kept` lives as long as the connection.
    pub fn receive(self: &Arc<Self>, connection: &dyn Any, kept: &mut Extensions) {
        let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
        let Ok(peer) = stream.peer_addr() else { return }; // it is gone already
        match self.let_in(peer.ip().to_canonical()) {
            Some(guest) => drop(kept.insert(guest)),
            None => drop(SockRef::from(stream).shutdown(Shutdown::Both)),
        }
        #[cfg(target_os = "linux")]
        if let Err(e) = SockRef::from(stream).set_tcp_user_timeout(Some(STALLED)) {
            log::debug!("a connection keeps the system's patience: {e}");
        }
    }

    fn let_in(self: &Arc<Self>, address: IpAddr) -> Option<Guest> {
        let free = self.proxies.iter().any(|proxy| proxy.contains(&address));
        let address = address::counted(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= self.most && !free {
            return None;
        }
        *count += 1;
        Some(Guest { address, among: self.clone() })
    }
}

/// One connection that was let in.
struct Guest {
    address: IpAddr,
    among: Arc<Guests>,
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut open = self.among.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_share_and_nothing_is_remembered_of_who_went() {
        let guests = Arc::new(Guests::new(2, vec!["10.0.0.0/8".parse().expect("a network")]));
        let come = |text: &str| guests.let_in(text.parse().expect("an address"));
        let (one, two) = (come("203.0.113.1"), come("203.0.113.1"));
        assert!(one.is_some() && two.is_some() && come("203.0.113.1").is_none());
        assert!(come("203.0.113.2").is_some());
        drop(one);
        assert!(come("203.0.113.1").is_some());
        let proxied: Vec<_> = (0..9).map(|_| come("10.1.2.3")).collect();
        assert!(proxied.iter().all(Option::is_some));
        drop((two, proxied));
        assert!(guests.open.lock().expect("a lock").is_empty());
    }
}
