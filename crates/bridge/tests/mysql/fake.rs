//! A fake Qserv with one query.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use serde_json::{Value, json};

use crate::support;

/// A fake Qserv with one query, which returns the given statuses.
#[derive(Clone, Default)]
pub(crate) struct FakeQserv(pub(crate) Arc<Mutex<FakeState>>);

#[derive(Default)]
pub(crate) struct FakeState {
    pub(crate) refusal: Option<Value>,
    pub(crate) statuses: Vec<Value>,
    pub(crate) asked: Vec<String>,
    /// The number of requests that are answered with 500 first.
    pub(crate) broken: usize,
    /// The number of requests for a status that are answered with 503 first.
    pub(crate) away: usize,
    /// Errors in answers to requests for a status, before the statuses.
    pub(crate) errors: Vec<String>,
    /// How the request to forget a result is answered.
    pub(crate) forgets: Forgets,
    /// The ADQL of the last query.
    pub(crate) adql: Option<String>,
}

#[derive(Default, Clone, Copy, PartialEq)]
pub(crate) enum Forgets {
    #[default]
    AtOnce,
    NotFound,
    Never,
}

impl FakeQserv {
    /// Starts a server that returns these statuses in turn and then repeats the last one.
    pub(crate) async fn start(statuses: &[Value]) -> (Self, String) {
        let fake = Self::default();
        fake.0.lock().unwrap().statuses = statuses.to_vec();
        let handlers = [post(submit), get(status), delete(cancel), delete(forget)];
        let url = support::qserv::serve(fake.clone(), handlers).await;
        (fake, url)
    }

    fn note(&self, asked: String) -> Result<(), StatusCode> {
        let mut state = self.0.lock().unwrap();
        state.asked.push(asked);
        if state.broken > 0 {
            state.broken -= 1;
            return Err(StatusCode::INTERNAL_SERVER_ERROR);
        }
        Ok(())
    }

    pub(crate) fn asked(&self) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        for asked in &self.0.lock().unwrap().asked {
            *counts.entry(asked.clone()).or_default() += 1;
        }
        counts
    }
}

type Said = Result<Json<Value>, StatusCode>;

async fn submit(State(fake): State<FakeQserv>, Json(body): Json<Value>) -> Said {
    assert_eq!(body["database"], "dp1");
    fake.0.lock().unwrap().adql = body["adql_query"].as_str().map(str::to_owned);
    fake.note("submit".to_owned())?;
    let refusal = fake.0.lock().unwrap().refusal.clone();
    Ok(Json(refusal.unwrap_or_else(|| json!({"success": 1, "queryId": 1}))))
}

async fn status(State(fake): State<FakeQserv>, Path(id): Path<u64>) -> Said {
    fake.note(format!("status {id}"))?;
    let mut state = fake.0.lock().unwrap();
    if state.away > 0 {
        state.away -= 1;
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    if let Some(error) = state.errors.pop() {
        return Ok(Json(json!({"success": 0, "error": error})));
    }
    let next = match state.statuses.len() {
        1 => state.statuses[0].clone(),
        _ => state.statuses.remove(0),
    };
    Ok(Json(json!({"success": 1, "status": next})))
}

async fn cancel(State(fake): State<FakeQserv>, Path(id): Path<u64>) -> Said {
    fake.note(format!("cancel {id}"))?;
    Ok(Json(json!({"success": 1})))
}

async fn forget(State(fake): State<FakeQserv>, Path(id): Path<u64>) -> Said {
    fake.note(format!("forget {id}"))?;
    let forgets = fake.0.lock().unwrap().forgets;
    match forgets {
        Forgets::AtOnce => Ok(Json(json!({"success": 1}))),
        Forgets::NotFound => Err(StatusCode::NOT_FOUND),
        Forgets::Never => std::future::pending().await,
    }
}
