//! The protocol over pipes in memory, with an observer that sees what a test wants it to see.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use super::*;
use std::sync::Mutex;
use std::time::Duration;

use mintwatch_validator::Tables;
use mintwatch_validator::evidence::{Bytes, Collector, EVIDENCE_VERSION, EvidenceFormat, MachineAnchor, Sha256, Surroundings, Vantage};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Looks until it is let go or cancelled, or at once.
#[derive(Default)]
struct Stub {
    /// Each look takes one, where there is a channel.
    gate: Option<Mutex<Receiver<()>>>,
    anchors: Vec<MachineAnchor>,
}

impl Observer for Stub {
    fn look(&self, errand: &Errand, mut cancelled: oneshot::Receiver<()>) -> Result<Option<Evidence>, String> {
        match errand.host.as_str() {
            "panics.example.org" => panic!("on purpose"),
            "fails.example.org" => return Err("no runtime".to_owned()),
            _ => {}
        }
        while let Some(gate) = &self.gate {
            // Nobody waits any more also when the port is gone.
            if !matches!(cancelled.try_recv(), Err(oneshot::error::TryRecvError::Empty)) {
                return Ok(None);
            }
            if gate.lock().unwrap().recv_timeout(Duration::from_millis(1)).is_ok() {
                break;
            }
        }
        Ok(Some(evidence(&self.anchors)))
    }

    fn judge(&self, evidence: &Evidence) -> Report {
        mintwatch_validator::judge(evidence, &Tables::compiled())
    }
}

fn evidence(anchors: &[MachineAnchor]) -> Evidence {
    Evidence {
        format: EvidenceFormat::Evidence,
        version: EVIDENCE_VERSION,
        collector: Collector { name: "mintwatch".to_owned(), version: "0.0.0".to_owned(), vantage: Vantage::NativeProbe },
        collected_at: 1_795_478_400,
        observations: Vec::new(),
        surroundings: Surroundings { anchors: Seen::Yes(anchors.to_vec()), ..Surroundings::unseen() },
    }
}

fn frames(messages: &[&[u8]]) -> Vec<u8> {
    let mut all = Vec::new();
    for message in messages {
        frame::write(&mut all, message).unwrap();
    }
    all
}

fn answers(mut output: &[u8]) -> Vec<Answer> {
    let mut answers = Vec::new();
    while !output.is_empty() {
        let (length, rest) = output.split_at(4);
        let length = usize::try_from(u32::from_ne_bytes(length.try_into().unwrap())).unwrap();
        let (body, rest) = rest.split_at(length);
        answers.push(serde_json::from_slice(body).unwrap());
        output = rest;
    }
    answers
}

/// A port whose far end a test holds.
struct Talk {
    input: io::PipeWriter,
    output: io::PipeReader,
    served: thread::JoinHandle<Result<(), HostError>>,
}

impl Talk {
    fn with(stub: Stub) -> Self {
        let ((theirs, input), (output, ours)) = (io::pipe().unwrap(), io::pipe().unwrap());
        let served = thread::spawn(move || serve(theirs, ours, &Terms::default(), Arc::new(stub)));
        Self { input, output, served }
    }

    fn ask(&mut self, text: &str) {
        frame::write(&mut self.input, text.as_bytes()).unwrap();
    }

    fn look(&mut self, id: u64, host: &str) {
        self.ask(&format!(r#"{{"version":1,"id":{id},"type":"look","host":"{host}","port":443,"consent":"user-agreed"}}"#));
    }

    fn hear(&mut self) -> Answer {
        let mut length = [0; 4];
        self.output.read_exact(&mut length).unwrap();
        let mut body = vec![0; usize::try_from(u32::from_ne_bytes(length)).unwrap()];
        self.output.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    fn hear_error(&mut self) -> (Option<u64>, Code) {
        let heard = self.hear();
        let Answer::Error { id, code, .. } = heard else { panic!("{heard:?}") };
        (id, code)
    }

    fn close(self) -> Result<(), HostError> {
        drop(self.input);
        self.served.join().unwrap()
    }
}

#[test]
fn a_greeting_names_software_tables_and_what_can_be_asked() {
    let table = TableDate { name: "anchors".to_owned(), as_of: 7, stale_after_days: 60 };
    let terms = Terms { tables: vec![table.clone()], allow_private: false };
    let mut output = Vec::new();
    let input = frames(&[br#"{"version":1,"id":9007199254740991,"type":"hello"}"#]);
    serve(io::Cursor::new(input), &mut output, &terms, Arc::new(Stub::default())).unwrap();
    let heard = answers(&output);
    let [Answer::Hello { id: 9_007_199_254_740_991, software, tables, capabilities, most_looks: 4, version: 1 }] = heard.as_slice() else {
        panic!("{heard:?}")
    };
    assert_eq!((software.name.as_str(), tables), ("mintwatch", &vec![table]));
    assert_eq!(capabilities, &["look", "cancel"]);
}

#[test]
fn a_look_is_answered_with_evidence_and_the_judges_word_on_it() {
    let mut talk = Talk::with(Stub::default());
    talk.look(3, "www.example.org");
    let Answer::Looked { id: 3, evidence, report, .. } = talk.hear() else { panic!() };
    assert_eq!(*report, mintwatch_validator::judge(&evidence, &Tables::compiled()));
    talk.close().unwrap();
}

#[test]
fn a_fault_costs_one_answer_and_the_port_stays_open() {
    let mut talk = Talk::with(Stub::default());
    talk.look(1, "panics.example.org");
    assert_eq!(talk.hear_error(), (Some(1), Code::CouldNotLook));
    talk.look(2, "fails.example.org");
    assert_eq!(talk.hear_error(), (Some(2), Code::CouldNotLook));
    talk.look(3, "nas.local");
    assert_eq!(talk.hear_error(), (Some(3), Code::NotPublic));
    talk.ask("garbage");
    assert_eq!(talk.hear_error(), (None, Code::BadJson));
    talk.look(1, "www.example.org");
    assert!(matches!(talk.hear(), Answer::Looked { id: 1, .. }), "a number that was answered may come again");
    talk.close().unwrap();
}

#[test]
fn four_looks_are_under_way_and_a_fifth_is_told_to_wait() {
    let (open, gate) = mpsc::channel();
    let mut talk = Talk::with(Stub { gate: Some(Mutex::new(gate)), ..Stub::default() });
    for id in 1..=4 {
        talk.look(id, "www.example.org");
    }
    talk.look(5, "www.example.org");
    assert_eq!(talk.hear_error(), (Some(5), Code::Busy));
    talk.look(4, "www.example.org");
    assert_eq!(talk.hear_error(), (Some(4), Code::BadRequest), "the number is taken");
    open.send(()).unwrap();
    assert!(matches!(talk.hear(), Answer::Looked { .. }));
    talk.look(6, "www.example.org");
    for _ in 0..4 {
        open.send(()).unwrap();
        assert!(matches!(talk.hear(), Answer::Looked { .. }));
    }
    talk.close().unwrap();
}

#[test]
fn a_look_that_is_cancelled_is_answered_once_and_frees_its_place() {
    let (open, gate) = mpsc::channel();
    let mut talk = Talk::with(Stub { gate: Some(Mutex::new(gate)), ..Stub::default() });
    for round in 0..2 {
        for id in 1..=4 {
            talk.look(id, "www.example.org");
        }
        for id in 1..=4 {
            talk.ask(&format!(r#"{{"version":1,"id":9,"type":"cancel","look":{id}}}"#));
            assert_eq!(talk.hear_error(), (Some(id), Code::Cancelled), "round {round}");
            assert!(matches!(talk.hear(), Answer::Cancelled { id: 9, look, found: true, .. } if look == id));
        }
    }
    talk.ask(r#"{"version":1,"id":9,"type":"cancel","look":1}"#);
    assert!(matches!(talk.hear(), Answer::Cancelled { found: false, .. }));
    // One for each that was given up too: it may have been waiting when it was told.
    for _ in 0..9 {
        open.send(()).unwrap();
    }
    // A place is free when its thread has noticed; on a busy machine that takes a while.
    let answered = (0..1_000).find_map(|_| {
        talk.look(7, "www.example.org");
        match talk.hear() {
            Answer::Error { code: Code::Busy, .. } => {
                thread::sleep(Duration::from_millis(10));
                None
            }
            answer => Some(answer),
        }
    });
    assert!(matches!(answered, Some(Answer::Looked { id: 7, .. })), "{answered:?}");
    talk.close().unwrap();
}

#[test]
fn a_port_that_is_closed_ends_at_once_whatever_is_under_way() {
    let (_open, gate) = mpsc::channel();
    let mut talk = Talk::with(Stub { gate: Some(Mutex::new(gate)), ..Stub::default() });
    talk.look(1, "www.example.org");
    talk.close().unwrap();
}

#[test]
fn a_length_that_lies_ends_the_port_with_a_reason() {
    let mut output = Vec::new();
    let mut input = frames(&[br#"{"version":1,"id":1,"type":"hello"}"#]);
    input.extend(70_000_u32.to_ne_bytes());
    let ended = serve(io::Cursor::new(input), &mut output, &Terms::default(), Arc::new(Stub::default()));
    assert!(matches!(ended, Err(HostError::Frame(FrameError::TooLong(70_000)))));
    assert!(matches!(answers(&output).as_slice(), [Answer::Hello { .. }, Answer::Error { id: None, code: Code::TooLong, .. }]));
    let cut = serve(io::Cursor::new(vec![9, 0]), io::sink(), &Terms::default(), Arc::new(Stub::default()));
    assert!(matches!(cut, Err(HostError::Frame(FrameError::Truncated { .. }))));
}

#[test]
fn ten_thousand_random_messages_get_an_answer_each() {
    let mut rng = StdRng::seed_from_u64(5);
    let mut input = Vec::new();
    for _ in 0..10_000 {
        frame::write(&mut input, &random(&mut rng)).unwrap();
    }
    let mut output = Vec::new();
    serve(io::Cursor::new(input), &mut output, &Terms::default(), Arc::new(Stub::default())).unwrap();
    let answers = answers(&output);
    // Of looks that had begun, the last may have been under way when the port closed.
    assert!((10_000 - MOST_LOOKS..=10_000).contains(&(answers.len())), "{}", answers.len());
    for code in [Code::BadJson, Code::UnknownVersion, Code::UnknownType, Code::BadRequest, Code::NoConsent, Code::NotPublic] {
        assert!(answers.iter().any(|answer| matches!(answer, Answer::Error { code: c, .. } if *c == code)), "{code:?} was never met");
    }
    assert!(answers.iter().any(|answer| matches!(answer, Answer::Hello { .. })));
}

#[test]
fn ten_thousand_random_streams_end_without_a_panic() {
    let mut rng = StdRng::seed_from_u64(6);
    for _ in 0..10_000 {
        let mut input: Vec<u8> = (0..rng.random_range(0..64)).map(|_| rng.random()).collect();
        if rng.random_bool(0.5) && input.len() >= 4 {
            input[2..4].fill(0);
        }
        let mut rest = input.as_slice();
        while let Ok(Some(body)) = frame::read(&mut rest) {
            assert!(body.len() <= input.len());
            let _judged = Request::read(&body);
        }
    }
}

/// Garbage, or a request with some of it changed; never a look that is carried out.
fn random(rng: &mut StdRng) -> Vec<u8> {
    let templates = [
        r#"{"version":1,"id":1,"type":"hello"}"#,
        r#"{"version":1,"id":1,"type":"look","host":"nas.local","port":443,"consent":"user-agreed","proxy":"none"}"#,
        r#"{"version":1,"id":1,"type":"cancel","look":2}"#,
    ];
    let mut text = templates[rng.random_range(0..3)].as_bytes().to_vec();
    match rng.random_range(0..6) {
        0 => text = (0..rng.random_range(0..300)).map(|_| rng.random()).collect(),
        1 => text.truncate(rng.random_range(0..text.len())),
        2 => {
            let place = rng.random_range(0..text.len());
            text[place] = rng.random();
        }
        3 => {
            let (from, to) = (rng.random_range(0..text.len()), rng.random_range(0..text.len()));
            text.drain(from.min(to)..from.max(to));
        }
        4 => {
            let words = ["version", "hello", "look", "consent", "user-agreed", "nas", "443", "1", "id", "cancel"];
            let whole = String::from_utf8(text).unwrap();
            let (old, new) = (words[rng.random_range(0..words.len())], words[rng.random_range(0..words.len())]);
            text = whole.replacen(old, new, 1).into_bytes();
        }
        _ => {}
    }
    text
}

#[test]
fn an_answer_that_is_too_long_loses_anchors_that_nothing_leads_to_and_is_judged_as_it_is() {
    let anchors: Vec<MachineAnchor> = (0..10_u8)
        .map(|number| {
            let der = vec![number; 2_000];
            MachineAnchor { sha256: Sha256::of(&der), origin: "platform".to_owned(), certificate: Seen::Yes(Bytes::from(der)) }
        })
        .collect();
    let stub = Stub::default();
    let answer = |limit| serde_json::from_slice::<Answer>(&fitting(1, evidence(&anchors), &stub, limit)).unwrap();
    let of = |answer: Answer| match answer {
        Answer::Looked { evidence, report, .. } => (evidence, report),
        other => panic!("{other:?}"),
    };
    let whole = fitting(1, evidence(&anchors), &stub, MAX_ANSWER);
    assert!(whole.len() > 20_000);
    assert_eq!(*of(answer(whole.len())).0, evidence(&anchors));
    let (shortened, report) = of(answer(whole.len() - 1));
    let kept = shortened.surroundings.anchors.yes().unwrap();
    assert!(kept.len() == 10 && kept.iter().all(|anchor| anchor.certificate == Seen::NotVisible));
    assert_eq!(*report, stub.judge(&shortened), "the report is of the evidence beside it");
    assert!(matches!(answer(1_000), Answer::Error { id: Some(1), code: Code::TooLarge, .. }));
}

#[test]
fn who_is_not_known_is_told_so() {
    let mut output = Vec::new();
    assert!(matches!(refuse(&mut output), Err(HostError::UnknownCaller)));
    assert!(matches!(answers(&output).as_slice(), [Answer::Error { id: None, code: Code::UnknownCaller, .. }]));
}
