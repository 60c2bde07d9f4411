//! A service that answers `GET /stars` with the rows of one table, as a VOTable or as CSV.
//!
//! It shows the tasks of a service: choosing the format that the client wants, answering errors before
//! the first byte with an error status, MAXREC, and clients that disconnect.

use axum::body::Body;
use axum::extract::Query;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use taploom::pipeline::{BodyOptions, MaxRec, Outcome, Transformed, body};
use taploom::{EncodeContext, EncoderSpec, Error, ErrorKind, Result, RowSource};

/// The names and values of a query string, in order.
type Parameters = Vec<(String, String)>;

/// The routes of the service. `open` starts a query for each request.
pub fn app<F, Opened>(open: F) -> Router
where
    F: Fn() -> Opened + Clone + Send + Sync + 'static,
    Opened: Future<Output = Result<Box<dyn RowSource>>> + Send,
{
    // All results share one context: what one has worked out for its columns is used again by the next.
    let context = EncodeContext::default();
    let stars = move |Query(parameters): Query<Parameters>, headers: HeaderMap| async move {
        answer(open, context, &parameters, &headers).await
    };
    Router::new().route("/stars", routing::get(stars))
}

/// All refusals happen here, before the status line is sent.
async fn answer<F, Opened>(
    open: F,
    context: EncodeContext,
    parameters: &Parameters,
    headers: &HeaderMap,
) -> Result<Response, Refusal>
where
    F: Fn() -> Opened,
    Opened: Future<Output = Result<Box<dyn RowSource>>>,
{
    let spec = format(parameters, headers)?.with_context(context);
    let content_type = spec.content_type();
    let maxrec = maxrec(parameters)?;
    let source = open().await?;
    let limit = MaxRec::new(source.schema(), maxrec);
    let source = Transformed::new(source, limit);
    let (chunks, outcome) = body(source, spec, BodyOptions::default()).await?.split();
    tokio::spawn(log(outcome));
    // When the client disconnects, the chunks are dropped, which ends the query.
    Ok(([(CONTENT_TYPE, content_type)], Body::from_stream(chunks)).into_response())
}

/// RESPONSEFORMAT or FORMAT decides (DALI 1.1, 3.4.3), otherwise the Accept header. The default is
/// VOTable.
fn format(parameters: &Parameters, headers: &HeaderMap) -> Result<EncoderSpec, Refusal> {
    let registry = taploom::registry()?;
    let names = ["RESPONSEFORMAT", "FORMAT"];
    let is_asked = parameters
        .iter()
        .any(|(name, _)| names.iter().any(|known| known.eq_ignore_ascii_case(name)));
    match headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()) {
        Some(accept) if !is_asked => registry
            .accept(accept)
            .map_err(|error| Refusal { status: StatusCode::NOT_ACCEPTABLE, error }),
        _ => {
            let parameters = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            Ok(registry.request_of(parameters)?)
        }
    }
}

/// Without MAXREC there is no limit (DALI 1.1, 3.4.4).
fn maxrec(parameters: &Parameters) -> Result<u64> {
    let given = parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("MAXREC"));
    let Some((_, value)) = given else { return Ok(u64::MAX) };
    value.parse().map_err(|_| {
        let message = format!("MAXREC can't be {value:?}; it is a whole number from 0");
        Error::new(ErrorKind::InvalidRequest, message)
    })
}

/// An error that comes before the first byte.
struct Refusal {
    status: StatusCode,
    error: Error,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = if error.is_caller_fault() {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        Self { status, error }
    }
}

/// An error document in VOTable, as TAP 1.1 asks for.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { status, error } = self;
        // The causes are only for the log, because they may name hosts and files.
        eprintln!("{status}: {error:#}");
        let escaped = |text: String| text.replace('&', "&amp;").replace('<', "&lt;");
        let document = format!(
            "<?xml version=\"1.0\"?>\n\
             <VOTABLE version=\"1.4\" xmlns=\"http://www.ivoa.net/xml/VOTable/v1.3\">\
             <RESOURCE type=\"results\"><INFO name=\"QUERY_STATUS\" value=\"ERROR\">{}</INFO>\
             </RESOURCE></VOTABLE>\n",
            escaped(error.to_string())
        );
        (status, [(CONTENT_TYPE, "application/x-votable+xml")], document).into_response()
    }
}

/// Logs how the result ended, which is known only after its last byte.
async fn log(outcome: Outcome) {
    match outcome.await {
        Ok(encoded) => println!("{} rows, {:?}", encoded.summary.rows, encoded.completion),
        Err(error) if error.is_cancelled() => println!("the client left"),
        Err(error) => eprintln!("the result failed: {error:#}"),
    }
}
