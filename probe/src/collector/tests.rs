//! R-R1: what is blocked, killed and restarted arrives all the same, once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::TempDir;

use super::post::{Outcome, Poster};
use super::queue::{LONGEST_WAIT, MOST_WAITING, Queue};
use super::{Collector, Delivery, send};

const NOW: u64 = 1_795_478_400;
const DAY: u64 = 86_400;

/// A collector on loopback that counts what it was sent, and answers as it is told.
struct Receiver {
    url: String,
    heard: Arc<Mutex<BTreeMap<String, usize>>>,
    answers: Arc<Mutex<&'static str>>,
}

const TAKEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

impl Receiver {
    fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (heard, answers) = (Arc::new(Mutex::new(BTreeMap::new())), Arc::new(Mutex::new(answer)));
        let (of_thread, said) = (heard.clone(), answers.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = *said.lock().unwrap();
                let _ = serve(stream, answer, &of_thread);
            }
        });
        Self { url, heard, answers }
    }

    fn counts(&self) -> BTreeMap<String, usize> {
        self.heard.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, answer: &str, heard: &Mutex<BTreeMap<String, usize>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        if let Some(count) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = count.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    if answer.starts_with("HTTP/1.1 2") {
        *heard.lock().unwrap().entry(String::from_utf8(body).unwrap()).or_default() += 1;
    }
    reader.get_mut().write_all(answer.as_bytes())
}

fn queue(folder: &TempDir) -> Queue {
    Queue::open(&folder.path().join("outbox.db")).unwrap()
}

fn deliver(folder: &TempDir, collector: &Collector) -> Delivery {
    let mut queue = queue(folder);
    let mut delivery = Delivery::default();
    let poster = Poster::to(collector, None).unwrap();
    crate::observe::runtime().unwrap().block_on(send(&mut queue, collector, &poster, &mut delivery)).unwrap();
    delivery.waiting = queue.waiting(collector.as_str()).unwrap();
    delivery
}

#[test]
fn of_a_thousand_reports_that_were_blocked_none_is_lost_and_none_doubled() {
    let folder = TempDir::new().unwrap();
    let receiver = Receiver::start(BUSY);
    let collector = Collector::parse(&receiver.url).unwrap();
    for number in 0..1_000 {
        let mut queue = queue(&folder);
        let (finding, observation) = (format!("finding {number}"), format!("observation {number}"));
        assert!(queue.add(collector.as_str(), &finding, &observation, &format!("{{\"n\":{number}}}"), NOW).unwrap());
        // Every run tries, is refused, and ends; a run that is killed leaves the same file.
        if number % 100 == 0 {
            drop(queue);
            assert_eq!(deliver(&folder, &collector).sent, 0);
        }
    }
    assert_eq!(queue(&folder).keep_within_bounds(NOW + 89 * DAY).unwrap(), 0, "a thousand fit, for 90 days");
    *receiver.answers.lock().unwrap() = TAKEN;
    let delivery = deliver(&folder, &collector);
    assert_eq!((delivery.sent, delivery.waiting, delivery.trouble), (1_000, 0, None));
    let counts = receiver.counts();
    assert_eq!(counts.len(), 1_000, "{} lost", 1_000 - counts.len());
    assert!(counts.values().all(|count| *count == 1), "doubled");
    assert_eq!(deliver(&folder, &collector).sent, 0);
    assert_eq!(receiver.counts().len(), 1_000);
}

#[test]
fn the_queue_is_bounded_in_number_and_age_and_the_newest_stay() {
    let folder = TempDir::new().unwrap();
    let mut queue = queue(&folder);
    for number in 0..MOST_WAITING + 7 {
        assert!(queue.add("c", &format!("f{number}"), &format!("o{number}"), &number.to_string(), NOW).unwrap());
    }
    assert_eq!(queue.keep_within_bounds(NOW).unwrap(), 7);
    assert_eq!(queue.next("c", 0).unwrap().unwrap().1, "7");
    assert_eq!(queue.keep_within_bounds(NOW + LONGEST_WAIT).unwrap(), 0);
    assert_eq!(queue.keep_within_bounds(NOW + LONGEST_WAIT + 1).unwrap(), MOST_WAITING);
}

#[test]
fn a_finding_is_told_once_a_day_to_each_collector_whatever_the_clock_does() {
    let folder = TempDir::new().unwrap();
    let mut queue = queue(&folder);
    let mut add = |collector: &str, observation: &str, now| queue.add(collector, "finding", observation, "{}", now).unwrap();
    assert!(add("one", "first", NOW));
    assert!(!add("one", "second", NOW + DAY - 1));
    assert!(!add("one", "second", NOW - 3_600), "a clock that was set back");
    assert!(add("another", "second", NOW + 1));
    assert!(add("one", "third", NOW + DAY));
    assert!(!add("one", "fourth", NOW + DAY + 1));
}

#[test]
fn one_report_that_is_refused_keeps_no_other_back_and_is_not_lost() {
    let folder = TempDir::new().unwrap();
    let receiver = Receiver::start("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let collector = Collector::parse(&receiver.url).unwrap();
    for number in 0..3 {
        queue(&folder).add(collector.as_str(), &number.to_string(), &number.to_string(), "{}", NOW).unwrap();
    }
    let delivery = deliver(&folder, &collector);
    assert_eq!((delivery.sent, delivery.waiting), (0, 3));
    assert!(delivery.trouble.unwrap().contains("400"));
}

#[test]
fn whoever_sends_is_alone() {
    let folder = TempDir::new().unwrap();
    let receiver = Receiver::start(TAKEN);
    let collector = Collector::parse(&receiver.url).unwrap();
    queue(&folder).add(collector.as_str(), "f", "o", "{}", NOW).unwrap();
    let other = queue(&folder);
    let lock = other.lock().unwrap().unwrap();
    assert_eq!(deliver(&folder, &collector).sent, 0);
    drop(lock);
    assert_eq!(deliver(&folder, &collector).sent, 1);
}

#[test]
fn nobody_is_believed_whom_only_this_machine_trusts() {
    use crate::demo::origin::{Site, serve};
    use crate::demo::pki::{Authority, Validity};
    let runtime = crate::observe::runtime().unwrap();
    runtime.block_on(async {
        let now = crate::observe::unix_seconds();
        let root = Authority::root("Contoso TEST", "Contoso TEST Root", Validity::begun(10, now, 30)).unwrap();
        let leaf = root.issue(&["localhost"], Validity::begun(1, now, 10), &[]).unwrap();
        let site = Site::new("localhost", leaf.chain().to_vec(), leaf.key()).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = serve(listener, vec![site]).unwrap();
        let collector = Collector::parse(&format!("https://localhost:{}", server.address().port())).unwrap();
        let until = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
        let refused = Poster::to(&collector, None).unwrap().post("{}", until).await;
        assert!(matches!(&refused, Outcome::NotReached(why) if why.contains("UnknownIssuer")), "{refused:?}");
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, root.pem()).unwrap();
        let spoken = Poster::to(&collector, Some(&file)).unwrap().post("{}", until).await;
        assert!(!matches!(&spoken, Outcome::NotReached(why) if why.contains("certificate")), "{spoken:?}");
    });
}

#[test]
fn a_collector_is_an_address_without_a_password() {
    assert_eq!(Collector::parse("https://collector.example").unwrap().as_str(), "https://collector.example/v1/logs");
    assert_eq!(Collector::parse("http://[::1]:4318/in?x=1#y").unwrap().as_str(), "http://[::1]:4318/in?x=1");
    for bad in ["collector.example", "ftp://collector.example", "https://user:secret@collector.example", "https://", "file:///etc"] {
        assert!(Collector::parse(bad).is_err(), "{bad}");
    }
}
