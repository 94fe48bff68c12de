//! Serves the origins of the laboratory from inside its namespace, until it is ended.
#![allow(clippy::unwrap_used, reason = "tests")]

use mintwatch::demo::origin;
use mintwatch_tests::lab::origins::Orders;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let orders = std::env::args().nth(1).unwrap();
    let orders: Orders = serde_json::from_slice(&std::fs::read(orders).unwrap()).unwrap();
    let sites = orders.sites.into_iter().map(|site| {
        let chain = site.chain.iter().map(|der| der.as_slice().to_vec().into()).collect();
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(site.key.as_slice().to_vec());
        origin::Site::new(&site.host, chain, key.into()).unwrap()
    });
    let listener = TcpListener::bind(orders.listen).await.unwrap();
    let _server = origin::serve(listener, sites.collect()).unwrap();
    std::future::pending::<()>().await;
}
