//! Runs the service on port 8080, with the catalogue of bright stars that is part of Taploom.

use taploom_sources::{Request, open};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    println!("http://{}/stars?RESPONSEFORMAT=csv&MAXREC=3", listener.local_addr()?);
    let stars = || async { open(&Request::new("demo")).await };
    axum::serve(listener, example_service::app(stars)).await
}
