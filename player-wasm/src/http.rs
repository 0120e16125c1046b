//! Requests to servers. What is asked for of their bodies goes into `bodies` chunk by chunk.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use js_sys::{Map, Promise, Reflect, Uint8Array};
use swarm::limits::SEGMENT_BYTES;
use swarm::{Body, Failure, Input, RequestId, Table, Wanted};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, ReadableStreamDefaultReader, Request, RequestInit, Response};
use wire::playlist::ByteRange;

use crate::driver::{Driver, now_ms};
use crate::settings;

/// The requests under way.
#[derive(Debug)]
pub(crate) struct Http {
    running: RefCell<Table<RequestId, Option<AbortController>>>,
    early: Map,
}

/// What to ask, of which address.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) request: RequestId,
    pub(crate) url: String,
    pub(crate) range: Option<ByteRange>,
    pub(crate) wanted: Wanted,
}

impl Http {
    pub(crate) fn new(early: Map) -> Http {
        Http { running: RefCell::default(), early }
    }

    /// Sends a request; its end is told to the driver.
    pub(crate) fn fetch(&self, driver: &Rc<Driver>, ask: Ask) {
        let sent = match self.take_early(&ask) {
            Some(early) => Ok(early),
            None => send(&ask),
        };
        let controller = sent.as_ref().ok().map(|sent| sent.controller.clone());
        self.running.borrow_mut().insert(ask.request, controller);
        let driver = Rc::downgrade(driver);
        spawn_local(async move {
            let request = ask.request;
            let outcome = match sent {
                Ok(sent) => receive(&driver, &ask, sent).await,
                Err(_) => Err(Failure::Unreachable),
            };
            let Some(driver) = driver.upgrade() else { return };
            if ask.wanted == Wanted::List {
                driver.bodies.forget(request);
            }
            if driver.http.running.borrow_mut().remove(&request).is_none() {
                return;
            }
            driver.tell(outcome.unwrap_or_else(|failure| Input::Failed { request, failure }));
        });
    }

    pub(crate) fn cancel(&self, request: RequestId) {
        if let Some(Some(controller)) = self.running.borrow_mut().remove(&request) {
            controller.abort();
        }
    }

    fn is_running(&self, request: RequestId) -> bool {
        self.running.borrow().contains_key(&request)
    }

    pub(crate) fn close(&self) {
        let running = std::mem::take(&mut *self.running.borrow_mut());
        running.into_values().flatten().for_each(|controller| controller.abort());
    }

    /// The same request, if the page's script sent it already. Used once: a retry asks anew.
    fn take_early(&self, ask: &Ask) -> Option<Sent> {
        let key = match ask.range {
            Some(range) => JsValue::from(format!("{} {range}", ask.url)),
            None => JsValue::from(&ask.url),
        };
        let early = self.early.get(&key);
        self.early.delete(&key);
        let began_ms = Reflect::get(&early, &"began".into()).ok()?.as_f64()?;
        let response = Reflect::get(&early, &"response".into()).ok()?.dyn_into().ok()?;
        let controller = Reflect::get(&early, &"controller".into()).ok()?.dyn_into().ok()?;
        Some(Sent { began_ms, response, controller })
    }
}

struct Sent {
    began_ms: f64,
    response: Promise,
    controller: AbortController,
}

fn send(ask: &Ask) -> Result<Sent, JsValue> {
    let controller = AbortController::new()?;
    let init = RequestInit::new();
    init.set_signal(Some(&controller.signal()));
    let request = Request::new_with_str_and_init(&ask.url, &init)?;
    if let Some(range) = ask.range {
        request.headers().set("Range", &format!("bytes={range}"))?;
    }
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let response = window.fetch_with_request(&request);
    Ok(Sent { began_ms: now_ms(), response, controller })
}

async fn receive(driver: &Weak<Driver>, ask: &Ask, sent: Sent) -> Result<Input, Failure> {
    let answer = JsFuture::from(sent.response).await.map_err(|_| Failure::Unreachable)?;
    let response: Response = answer.dyn_into().map_err(|_| Failure::Wrong)?;
    if !response.ok() {
        return Err(Failure::Status {
            code: response.status(),
            retry_after: retry_after(&response),
        });
    }
    let body = match ask.wanted {
        Wanted::Text => Body::Text(text(&response).await?),
        Wanted::Bytes => Body::Held(bytes(driver, ask, &response).await?),
        // The engine asks for a range of it, so that no more comes.
        Wanted::List => {
            bytes(driver, ask, &response).await?;
            let driver = driver.upgrade().ok_or(Failure::Unreachable)?;
            Body::List(driver.bodies.whole(ask.request).to_vec())
        }
    };
    let url = if response.url().is_empty() { ask.url.clone() } else { response.url() };
    let took = settings::duration((now_ms() - sent.began_ms) / 1000.0);
    Ok(Input::Fetched { request: ask.request, url, body, took })
}

async fn text(response: &Response) -> Result<String, Failure> {
    let text = response.text().map_err(|_| Failure::Wrong)?;
    JsFuture::from(text).await.map_err(|_| Failure::Unreachable)?.as_string().ok_or(Failure::Wrong)
}

/// Reads a body chunk by chunk, telling the driver how it goes, and keeps the part that was asked for. Returns how much that
/// is, without what the request began with.
async fn bytes(driver: &Weak<Driver>, ask: &Ask, response: &Response) -> Result<u64, Failure> {
    let stream = response.body().ok_or(Failure::Wrong)?;
    let reader: ReadableStreamDefaultReader =
        stream.get_reader().dyn_into().map_err(|_| Failure::Wrong)?;
    let (start, end) = window_of(ask, response);
    let (mut came, mut kept) = (0, 0);
    while came < end
        && came <= SEGMENT_BYTES
        && let Some(chunk) = next_chunk(&reader).await?
    {
        let driver = driver.upgrade().ok_or(Failure::Unreachable)?;
        if !driver.http.is_running(ask.request) {
            return Err(Failure::Unreachable);
        }
        let first = start.saturating_sub(came).min(u64::from(chunk.length()));
        let last = (end - came).min(u64::from(chunk.length()));
        if first < last {
            driver.bodies.append(ask.request, chunk.subarray(first as u32, last as u32));
        }
        kept += last - first;
        came += u64::from(chunk.length());
        if came <= SEGMENT_BYTES && ask.wanted == Wanted::Bytes {
            driver.tell(Input::Progressed { request: ask.request, bytes: kept });
        }
    }
    if came >= end || came > SEGMENT_BYTES {
        // What is over, of a server that knows no ranges, need not be sent.
        let _ = reader.cancel();
    }
    if came > SEGMENT_BYTES || ask.range.is_some_and(|range| range.length != kept) {
        return Err(Failure::Wrong);
    }
    Ok(kept)
}

/// Which bytes of the body were asked for: all of a part, the same part of a whole file.
fn window_of(ask: &Ask, response: &Response) -> (u64, u64) {
    match ask.range {
        Some(range) if response.status() == 206 => (0, range.length),
        Some(range) => (range.start, range.start + range.length),
        None => (0, u64::MAX),
    }
}

async fn next_chunk(reader: &ReadableStreamDefaultReader) -> Result<Option<Uint8Array>, Failure> {
    let read = JsFuture::from(reader.read()).await.map_err(|_| Failure::Unreachable)?;
    let chunk = Reflect::get(&read, &"value".into()).map_err(|_| Failure::Wrong)?;
    if chunk.is_undefined() {
        Ok(None)
    } else {
        chunk.dyn_into().map(Some).map_err(|_| Failure::Wrong)
    }
}

/// `Retry-After` in either of its forms: seconds, or a date.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get("Retry-After").ok().flatten()?;
    let seconds = settings::number_in(&value)
        .unwrap_or_else(|| (js_sys::Date::parse(&value) - js_sys::Date::now()) / 1000.0);
    (seconds >= 0.0).then(|| settings::duration(seconds))
}
