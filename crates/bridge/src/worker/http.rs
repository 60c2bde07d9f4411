//! The HTTP endpoints of the worker: `/metrics` for Prometheus, `/health` for the orchestrator.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::worker::Worker;

/// Answers requests until the future is dropped.
///
/// # Errors
/// The listener fails.
pub async fn serve(worker: Arc<Worker>, listener: TcpListener) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(health))
        .with_state(worker);
    axum::serve(listener, routes).await
}

async fn metrics(State(worker): State<Arc<Worker>>) -> impl IntoResponse {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match worker.bridge().metrics().text() {
        Ok(text) => Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text)),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

async fn health(State(worker): State<Arc<Worker>>) -> impl IntoResponse {
    match worker.complaint() {
        None => (StatusCode::OK, "OK\n".to_owned()),
        Some(complaint) => (StatusCode::SERVICE_UNAVAILABLE, format!("{complaint}\n")),
    }
}
