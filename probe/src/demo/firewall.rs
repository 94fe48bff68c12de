//! A firewall as MCS ran it in 2015: it ends every TLS session and mints a certificate for each name.
//!
//! The client's connection is answered by the firewall itself. It reads the name in the ClientHello, opens
//! a session of its own to the true origin and verifies that, makes a certificate in the origin's name
//! under the CA it was given, and relays what both sides say. It runs on loopback and serves the lab only.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::KeyPair;
use rustls::pki_types::ServerName;
use rustls::server::{Acceptor, ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::origin::{Server, provider, server_config};
use super::pki::{Authority, DAY, PkiError, Validity};
use crate::observe::accepts_anything;

/// The longest ClientHello that is waited for, in bytes; post-quantum ones have about 1800.
const MAX_HELLO: usize = 64 * 1024;
/// How many names the firewall remembers; a box that forgets nothing is a box that can be filled.
const MAX_NAMES: usize = 4096;

/// Which key stands behind the minted certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeafKeys {
    /// One for all hosts, as most products do.
    OneForAll,
    /// A new one for each host.
    OnePerHost,
}

/// Which names are intercepted; the others are passed on untouched.
pub type Selection = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// What a firewall is set up with.
pub struct Settings {
    /// The CA it mints under.
    pub authority: Authority,
    /// Which key stands behind its certificates.
    pub leaf_keys: LeafKeys,
    /// Which names it intercepts.
    pub selection: Selection,
    /// Where the true origins are. A router would know by the address; on loopback a map must do.
    pub origins: HashMap<String, SocketAddr>,
    /// The roots by which it verifies the origins; none for a box that takes any certificate for good.
    pub roots: Option<RootCertStore>,
}

/// Runs a firewall on a listener.
///
/// # Errors
/// The listener has no address, no key can be made, or the TLS library refuses its own defaults.
pub fn run(listener: TcpListener, settings: Settings) -> io::Result<Server> {
    let upstream = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().map_err(io::Error::other)?;
    let upstream = match settings.roots {
        Some(roots) => upstream.with_root_certificates(roots),
        None => upstream.dangerous().with_custom_certificate_verifier(accepts_anything()),
    };
    let upstream = upstream.with_no_client_auth();
    let mint = Mint {
        authority: settings.authority,
        leaf_keys: settings.leaf_keys,
        shared_key: Arc::new(KeyPair::generate().map_err(io::Error::other)?),
        minted: Mutex::new(HashMap::new()),
    };
    let mint = Arc::new(mint);
    let firewall = Arc::new(Firewall {
        acceptor: TlsAcceptor::from(server_config(Arc::clone(&mint) as Arc<dyn ResolvesServerCert>)?),
        connector: TlsConnector::from(Arc::new(upstream)),
        selection: settings.selection,
        origins: settings.origins,
        mint,
    });
    Server::run(listener, move |client| {
        let firewall = Arc::clone(&firewall);
        async move {
            // Whatever ends a relayed session ends it for both sides; a box has nobody to tell.
            let _ended = firewall.pass(client).await;
        }
    })
}

struct Firewall {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
    selection: Selection,
    origins: HashMap<String, SocketAddr>,
    mint: Arc<Mint>,
}

impl Firewall {
    async fn pass(&self, mut client: TcpStream) -> io::Result<()> {
        let (hello, name) = read_hello(&mut client).await?;
        let origin = self.origins.get(&name).ok_or(io::ErrorKind::HostUnreachable)?;
        let mut origin = TcpStream::connect(origin).await?;
        if !(self.selection)(&name) {
            origin.write_all(&hello).await?;
            tokio::io::copy_bidirectional(&mut client, &mut origin).await?;
            return Ok(());
        }
        let server_name = ServerName::try_from(name.clone()).map_err(io::Error::other)?;
        let mut origin = self.connector.connect(server_name, origin).await?;
        self.mint.prepare(&name).map_err(io::Error::other)?;
        let (read, write) = client.into_split();
        let replayed = tokio::io::join(io::Cursor::new(hello).chain(read), write);
        let mut client = self.acceptor.accept(replayed).await?;
        tokio::io::copy_bidirectional(&mut client, &mut origin).await?;
        Ok(())
    }
}

/// Reads a ClientHello and gives it back with the name in it (RFC 6066 §3).
async fn read_hello(client: &mut TcpStream) -> io::Result<(Vec<u8>, String)> {
    let mut acceptor = Acceptor::default();
    let mut hello = Vec::new();
    let mut part = [0; 4096];
    while hello.len() < MAX_HELLO {
        let read = client.read(&mut part).await?;
        let mut new = part.get(..read).filter(|new| !new.is_empty()).ok_or(io::ErrorKind::UnexpectedEof)?;
        hello.extend(new);
        while !new.is_empty() {
            acceptor.read_tls(&mut new)?;
        }
        if let Some(accepted) = acceptor.accept().map_err(|(error, _)| io::Error::other(error))? {
            let name = accepted.client_hello().server_name().map(str::to_ascii_lowercase);
            return Ok((hello, name.ok_or(io::ErrorKind::HostUnreachable)?));
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// Makes certificates on the fly and remembers them.
struct Mint {
    authority: Authority,
    leaf_keys: LeafKeys,
    shared_key: Arc<KeyPair>,
    minted: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl std::fmt::Debug for Mint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mint").field("leaf_keys", &self.leaf_keys).finish_non_exhaustive()
    }
}

impl Mint {
    /// Mints a certificate for a name unless there is one.
    fn prepare(&self, name: &str) -> Result<(), MintError> {
        let mut minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        if minted.contains_key(name) {
            return Ok(());
        }
        if minted.len() >= MAX_NAMES {
            minted.clear();
        }
        minted.insert(name.to_owned(), Arc::new(self.mint(name)?));
        Ok(())
    }

    fn mint(&self, name: &str) -> Result<CertifiedKey, MintError> {
        let key = match self.leaf_keys {
            LeafKeys::OneForAll => Arc::clone(&self.shared_key),
            LeafKeys::OnePerHost => Arc::new(KeyPair::generate().map_err(PkiError::from)?),
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        // From this very minute for a year: a box does not ask how long its own CA lives.
        let leaf = self.authority.mint(name, &key, Validity { from: now, until: now + 365 * DAY })?;
        Ok(CertifiedKey::from_der(leaf.chain().to_vec(), leaf.key(), &provider())?)
    }
}

#[derive(Debug, thiserror::Error)]
enum MintError {
    #[error(transparent)]
    Pki(#[from] PkiError),
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

impl ResolvesServerCert for Mint {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        minted.get(&hello.server_name()?.to_ascii_lowercase()).cloned()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use crate::demo::origin::{self, Site};
    use crate::demo::pki::{Log, Profile};
    use mintwatch_validator::Certificate;
    use rustls::pki_types::CertificateDer;

    const HOSTS: [&str; 2] = ["www.one.example", "www.two.example"];

    struct Lab {
        root: Authority,
        origins: Server,
    }

    async fn listener() -> TcpListener {
        TcpListener::bind(("127.0.0.1", 0)).await.unwrap()
    }

    fn now() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
    }

    async fn lab() -> Lab {
        let root = Authority::root("Unit TEST Lab", "Unit TEST Lab Root", Validity::begun(1000, now(), 3000)).unwrap();
        let ca = root.subordinate("Unit TEST Lab", "Unit TEST Lab CA", Validity::begun(500, now(), 1000), Profile::Public).unwrap();
        let log = Log::new("A").unwrap();
        let sites = HOSTS.map(|host| {
            let leaf = ca.issue(&[host], Validity::begun(20, now(), 90), &[&log]).unwrap();
            Site::new(host, leaf.chain().to_vec(), leaf.key()).unwrap()
        });
        Lab { root, origins: origin::serve(listener().await, sites.into()).unwrap() }
    }

    fn roots(root: &Authority) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(root.der().clone()).unwrap();
        roots
    }

    async fn firewall(lab: &Lab, trusted: &Authority, leaf_keys: LeafKeys, selection: Selection) -> Server {
        let authority = lab.root.subordinate("Box", "Box TEST", Validity::begun(3, now(), 15), Profile::Unconstrained).unwrap();
        let origins = HOSTS.map(|host| (host.to_owned(), lab.origins.address()));
        let settings = Settings { authority, leaf_keys, selection, origins: origins.into(), roots: Some(roots(trusted)) };
        run(listener().await, settings).unwrap()
    }

    /// Fetches a page as any client would, which trusts the lab's root.
    async fn fetch(
        lab: &Lab,
        at: SocketAddr,
        host: &str,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> io::Result<(Vec<CertificateDer<'static>>, String)> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots(&lab.root))
            .with_no_client_auth();
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, TcpStream::connect(at).await?).await?;
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await?;
        let mut page = String::new();
        stream.read_to_string(&mut page).await?;
        Ok((stream.get_ref().1.peer_certificates().unwrap().to_vec(), page))
    }

    #[tokio::test]
    async fn a_client_without_a_detector_notices_nothing() {
        let lab = lab().await;
        let firewall = firewall(&lab, &lab.root, LeafKeys::OneForAll, Arc::new(|_| true)).await;
        for versions in [&[&rustls::version::TLS13], &[&rustls::version::TLS12]] {
            let (direct, page) = fetch(&lab, lab.origins.address(), HOSTS[0], versions).await.unwrap();
            let (minted, relayed) = fetch(&lab, firewall.address(), HOSTS[0], versions).await.unwrap();
            assert_eq!(page, relayed);
            assert!(page.ends_with("an origin of the TEST lab"));
            let (direct, minted) = (Certificate::read(&direct[0]).unwrap(), Certificate::read(&minted[0]).unwrap());
            assert!(direct.has_sct_list && !minted.has_sct_list);
            assert_eq!(direct.dns_names, minted.dns_names);
            assert!(u64::try_from(minted.not_before).unwrap().abs_diff(now()) < 60);
        }
    }

    #[tokio::test]
    async fn one_key_stands_behind_all_names_or_one_behind_each() {
        let lab = lab().await;
        for (leaf_keys, shared) in [(LeafKeys::OneForAll, true), (LeafKeys::OnePerHost, false)] {
            let firewall = firewall(&lab, &lab.root, leaf_keys, Arc::new(|_| true)).await;
            let mut keys = Vec::new();
            for host in HOSTS {
                let (chain, _) = fetch(&lab, firewall.address(), host, rustls::ALL_VERSIONS).await.unwrap();
                keys.push(Certificate::read(&chain[0]).unwrap().spki_sha256);
            }
            assert_eq!(keys[0] == keys[1], shared);
        }
    }

    #[tokio::test]
    async fn a_name_that_is_not_selected_keeps_its_own_certificate() {
        let lab = lab().await;
        let firewall = firewall(&lab, &lab.root, LeafKeys::OneForAll, Arc::new(|name| name == HOSTS[0])).await;
        let (selected, _) = fetch(&lab, firewall.address(), HOSTS[0], rustls::ALL_VERSIONS).await.unwrap();
        let (passed_on, _) = fetch(&lab, firewall.address(), HOSTS[1], rustls::ALL_VERSIONS).await.unwrap();
        let (direct, _) = fetch(&lab, lab.origins.address(), HOSTS[1], rustls::ALL_VERSIONS).await.unwrap();
        assert_eq!(passed_on, direct);
        assert!(!Certificate::read(&selected[0]).unwrap().has_sct_list);
    }

    #[tokio::test]
    async fn an_origin_that_does_not_verify_is_not_covered_up() {
        let lab = lab().await;
        let stranger = Authority::root("Stranger", "Stranger TEST Root", Validity::begun(1, now(), 30)).unwrap();
        let firewall = firewall(&lab, &stranger, LeafKeys::OneForAll, Arc::new(|_| true)).await;
        assert!(fetch(&lab, firewall.address(), HOSTS[0], rustls::ALL_VERSIONS).await.is_err());
    }

    #[tokio::test]
    async fn nothing_listens_any_more_when_the_server_is_dropped() {
        let lab = lab().await;
        let address = lab.origins.address();
        assert!(TcpStream::connect(address).await.is_ok());
        drop(lab);
        for _ in 0..100 {
            if TcpStream::connect(address).await.is_err() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        unreachable!("the listener is still open");
    }
}
