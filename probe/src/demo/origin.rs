//! Origins: TLS servers of the lab that answer under their own certificates, many at one address.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// How long a server of the lab puts up with one connection.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);
/// How much of a request is read before it is answered, in bytes.
const MAX_REQUEST: u64 = 16 * 1024;
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 25\r\nConnection: close\r\n\r\nan origin of the TEST lab";

/// One host with its certificate and key.
pub struct Site {
    host: String,
    certified: Arc<CertifiedKey>,
}

impl Site {
    /// Takes a host, the chain it sends and its key.
    ///
    /// # Errors
    /// The key is of a kind that TLS does not know, or not the certificate's.
    pub fn new(host: &str, chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, rustls::Error> {
        let certified = CertifiedKey::from_der(chain, key, &provider())?;
        Ok(Self { host: host.to_ascii_lowercase(), certified: Arc::new(certified) })
    }
}

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Runs `serve` for every connection to a listener, until the server is dropped.
    ///
    /// # Errors
    /// The listener has no address.
    pub(crate) fn run<S, F>(listener: TcpListener, serve: S) -> io::Result<Self>
    where
        S: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            // Connections live in this task's set: they end with it.
            let mut connections = tokio::task::JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => match accepted {
                        Ok((stream, _)) => {
                            connections.spawn(tokio::time::timeout(PATIENCE, serve(stream)));
                        }
                        // Out of descriptors: some come back when connections end.
                        Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                    },
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Ok(Self { address, task })
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves all sites on one listener, each by the name in the ClientHello, in TLS 1.2 and 1.3.
///
/// # Errors
/// The listener has no address, or the TLS library refuses its own defaults.
pub fn serve(listener: TcpListener, sites: Vec<Site>) -> io::Result<Server> {
    let sites = Sites(sites.into_iter().map(|site| (site.host, site.certified)).collect());
    let acceptor = TlsAcceptor::from(server_config(Arc::new(sites))?);
    Server::run(listener, move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                // A client that only wanted the certificate is gone by now; that is no fault of ours.
                let _gone = answer(&mut stream).await;
            }
        }
    })
}

/// Serves all sites inside QUIC on one socket, each by the name in the ClientHello; must be called inside a tokio runtime.
///
/// # Errors
/// The socket cannot be used, or the TLS library refuses its own defaults.
pub fn serve_quic(socket: std::net::UdpSocket, sites: Vec<Site>) -> io::Result<Server> {
    let address = socket.local_addr()?;
    let sites = Sites(sites.into_iter().map(|site| (site.host, site.certified)).collect());
    let mut tls = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(sites));
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let crypto = QuicServerConfig::try_from(tls).map_err(io::Error::other)?;
    let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    let runtime = Arc::new(quinn::TokioRuntime);
    let endpoint = quinn::Endpoint::new(quinn::EndpointConfig::default(), Some(config), socket, runtime)?;
    let task = tokio::spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            tokio::spawn(tokio::time::timeout(PATIENCE, async move {
                if let Ok(connection) = incoming.await {
                    connection.closed().await;
                }
            }));
        }
    });
    Ok(Server { address, task })
}

/// Answers one HTTP request with one sentence.
async fn answer(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    let mut request: Vec<u8> = Vec::new();
    let mut part = [0; 1024];
    let mut limited = (&mut *stream).take(MAX_REQUEST);
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        match limited.read(&mut part).await? {
            0 => return Ok(()),
            read => request.extend(part.get(..read).unwrap_or_default()),
        }
    }
    stream.write_all(ANSWER).await?;
    stream.shutdown().await
}

/// A server configuration of the lab: TLS 1.2 and 1.3, HTTP/1.1, certificates from `resolver`.
pub(crate) fn server_config(resolver: Arc<dyn ResolvesServerCert>) -> io::Result<Arc<ServerConfig>> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed handshake carries no certificate, and certificates are what the lab is for.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    Ok(Arc::new(config))
}

/// The cryptography that the lab's servers use.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

struct Sites(HashMap<String, Arc<CertifiedKey>>);

impl fmt::Debug for Sites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl ResolvesServerCert for Sites {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.get(&hello.server_name()?.to_ascii_lowercase()).cloned()
    }
}
