//! Answers of runtimes of containers, and their state files, of any content.

use portwho::model::Runtime;
use portwho::read::raw::RawContainer;
use portwho::read::runtime::answers::{parse_docker_state, parse_list, parse_podman_state};
use portwho::read::runtime::http::{Answer, LARGEST, decode};

/// # Panics
/// Where a body is longer than what came, an answer is taken back, or a container is made up.
pub fn hold(bytes: &[u8]) {
    documents(bytes);
    for has_ended in [false, true] {
        if let Answer::Body(body) = decode(bytes, has_ended) {
            assert!(body.len() <= bytes.len().min(LARGEST));
            documents(&body);
        }
    }
    // It is looked at whenever more has come: what is bad gives no body later, and the end of the stream
    // no other one. Chunks are taken apart only where the last one may be there.
    let half = &bytes[..bytes.len() / 2];
    if decode(half, false) == Answer::Bad {
        assert!(!matches!(decode(bytes, false), Answer::Body(_)));
    }
    if let Answer::Body(body) = decode(bytes, false) {
        assert_eq!(decode(bytes, true), Answer::Body(body));
    }
}

fn documents(body: &[u8]) {
    for runtime in [Runtime::Docker, Runtime::Podman] {
        let list = parse_list(runtime, body).unwrap_or_default();
        list.iter().for_each(|one| is_sane(one, body));
    }
    parse_docker_state(body)
        .iter()
        .for_each(|one| is_sane(one, body));
    let list = parse_podman_state(body);
    list.iter().for_each(|one| is_sane(one, body));
}

fn is_sane(container: &RawContainer, body: &[u8]) {
    assert!(!container.id.unclean().is_empty(), "{container:?}");
    for text in [&container.name, &container.image].into_iter().flatten() {
        assert!(!text.unclean().is_empty(), "{container:?}");
    }
    assert!(container.ports.len() + container.addresses.len() < body.len());
    for port in &container.ports {
        assert!(port.port > 0 && port.container_port > 0, "{port:?}");
        assert!(port.address.is_none_or(|address| !address.is_unspecified()));
    }
}
