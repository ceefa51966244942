use alloc::vec;
use alloc::vec::Vec;

use super::places::OUTSIDE_MAX;
use super::*;
use crate::base::rand::Rand;
use crate::http::listener::Limits;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// The defaults of `[webhook]`.
fn policy() -> Policy {
    Policy::default()
}

/// These limits, for everybody.
fn limited(limits: Limits) -> Policy {
    Policy { limits, ..policy() }
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn hostile(nth: u8) -> IpAddr {
    IpAddr::from([198, 51, 100, nth])
}

fn network(text: &str, prefix: u8) -> Network {
    Network { address: ip(text), prefix }
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn outputs(admission: &mut Admission) -> Vec<Output> {
    core::iter::from_fn(|| admission.poll_output()).collect()
}

fn evicted(admission: &mut Admission) -> Vec<Id> {
    let evicted = |output| match output {
        Output::Evict(id) => Some(id),
        Output::Begin(_) => None,
    };
    outputs(admission).into_iter().filter_map(evicted).collect()
}

/// Connects `count` times from one address, each a millisecond after the other.
fn fill(admission: &mut Admission, from: u64, address: IpAddr, count: u64) -> Vec<Id> {
    (from..from + count)
        .map(|millis| admission.connect(at(millis), address).expect("a place"))
        .collect()
}

/// Connects, sends a signed body and is answered.
fn deliver(admission: &mut Admission, millis: u64, address: IpAddr) -> Id {
    let id = admission.connect(at(millis), address).expect("a place");
    admission.grow(id, KIB).expect("memory");
    admission.serve(id);
    admission.prove(at(millis), id);
    admission.answered(at(millis), id);
    id
}

#[test]
fn strangers_have_half_of_the_places_and_the_largest_of_them_gives_way() {
    let mut admission = Admission::new(policy());
    for nth in 0..8 {
        fill(&mut admission, 0, hostile(nth), 32);
    }
    assert!(evicted(&mut admission).is_empty());
    // One who has none gets a place, from somebody who has the most.
    let newcomer = admission.connect(at(100), ip("192.0.2.1")).expect("a place");
    let first = evicted(&mut admission);
    assert_eq!(first.len(), 1);
    // One who has the most already gives way itself, with its slowest.
    let own = fill(&mut admission, 101, hostile(0), 64);
    let gone = evicted(&mut admission);
    assert_eq!(gone.len(), 64);
    assert!(!gone.contains(&newcomer));
    assert_eq!(admission.crowd(Standing::Unproven).connections, 256);
    // Its last ones are what it has.
    assert_eq!(gone.iter().filter(|id| own.contains(id)).count(), 64 - 32);
}

#[test]
fn many_addresses_with_one_connection_each_give_way_by_age() {
    let mut admission =
        Admission::new(limited(Limits { connections_max: 20, ..Limits::default() }));
    let ids: Vec<_> = (0..10)
        .map(|nth| admission.connect(at(nth.into()), hostile(nth)).expect("a place"))
        .collect();
    outputs(&mut admission);
    for (nth, oldest) in (10..).zip(&ids) {
        admission.connect(at(nth.into()), hostile(nth)).expect("a place");
        assert_eq!(evicted(&mut admission), [*oldest]);
    }
}

#[test]
fn a_proven_sender_is_let_in_beside_64_hostile_connections_of_its_own_address() {
    let sender = ip("192.0.2.1");
    let mut admission = Admission::new(policy());
    let first = deliver(&mut admission, 0, sender);
    let crowd = fill(&mut admission, 1, sender, 63);
    assert!(evicted(&mut admission).is_empty());
    // The slowest of those that have brought nothing gives way, not the sender's first.
    let second = admission.connect(at(100), sender).expect("a place");
    assert_eq!(evicted(&mut admission), crowd.first().copied().as_slice());
    assert_eq!(admission.standing(second), Standing::Proven);
    admission.close(first);
    // A refused request makes nobody quick.
    let [_, oldest, next, ..] = crowd.as_slice() else { panic!("a crowd") };
    admission.serve(*oldest);
    admission.answered(at(200), *oldest);
    fill(&mut admission, 201, sender, 2);
    assert_eq!(evicted(&mut admission), [*oldest]);
    // Who waits for our answer is spared.
    admission.serve(*next);
    fill(&mut admission, 300, sender, 1);
    assert!(!evicted(&mut admission).contains(next));
}

#[test]
fn a_proof_lasts_ten_minutes_and_so_many_are_remembered() {
    let sender = ip("2001:db8::1");
    let mut admission = Admission::new(policy());
    deliver(&mut admission, 0, sender);
    let neighbour = admission.connect(at(599_999), ip("2001:db8::2")).expect("a place");
    assert_eq!(admission.standing(neighbour), Standing::Proven);
    let later = admission.connect(at(600_000), sender).expect("a place");
    assert_eq!(admission.standing(later), Standing::Unproven);
    assert_eq!(admission.standing(neighbour), Standing::Unproven, "so are its others");
    for nth in 0..2 * PROVEN_MAX {
        let address =
            IpAddr::from((0x0a00_0000 + u32::try_from(nth).expect("small")).to_be_bytes());
        let id = deliver(&mut admission, 600_001 + nth as u64, address);
        admission.close(id);
    }
    assert_eq!(admission.proven.len(), PROVEN_MAX);
}

#[test]
fn outside_has_sixteen_places_of_its_own() {
    let allow_from = vec![network("192.0.2.0", 24)];
    let mut admission = Admission::new(Policy { allow_from, ..policy() });
    let ids: Vec<_> = (0..40).flat_map(|nth| fill(&mut admission, 0, hostile(nth), 8)).collect();
    assert_eq!(evicted(&mut admission).len(), ids.len() - 16);
    assert_eq!(admission.crowd(Standing::Outside).connections, 16);
    let sender = admission.connect(at(0), ip("192.0.2.7")).expect("a place");
    assert_eq!(admission.standing(sender), Standing::Unproven);
    // What it signs does not help who may not connect.
    let id = admission.connect(at(1), hostile(0)).expect("a place");
    admission.prove(at(1), id);
    assert_eq!(admission.standing(id), Standing::Outside);
    assert!(!evicted(&mut admission).contains(&sender));
}

#[test]
fn a_refused_connection_may_be_told_so() {
    let mut admission =
        Admission::new(limited(Limits { connections_per_address_max: 2, ..Limits::default() }));
    for id in fill(&mut admission, 0, hostile(1), 2) {
        // Peers that are let in for good never give way.
        admission.serve(id);
        admission.prove(at(0), id);
    }
    assert_eq!(admission.connect(at(1), hostile(1)), Err(Limit::PerAddress));
    let aside = admission.connect_aside(at(1), hostile(1)).expect("a place");
    assert_eq!(admission.standing(aside), Standing::Outside);
    admission.close(aside);
    assert!(evicted(&mut admission).is_empty());
}

#[test]
fn handshakes_are_paced_and_proven_clients_come_first_then_each_in_turn() {
    let sender = ip("192.0.2.1");
    let mut admission =
        Admission::new(limited(Limits { handshakes_per_second_max: 10, ..Limits::default() }));
    deliver(&mut admission, 0, sender);
    let ask = |admission: &mut Admission, address, count| {
        let ids = fill(admission, 10_000, address, count);
        ids.iter().for_each(|id| admission.queue(at(10_000), *id));
        ids
    };
    let of_one = ask(&mut admission, hostile(1), 30);
    assert_eq!(outputs(&mut admission).len(), 10, "those of a whole second at once");
    let other = ask(&mut admission, hostile(2), 1);
    let proven = ask(&mut admission, sender, 1);
    let mut order = Vec::new();
    for nth in 1..=3 {
        let next = admission.poll_timeout().expect("some wait");
        assert_eq!(next, at(10_000 + 100 * nth));
        admission.handle_timeout(next.saturating_sub(Duration::from_micros(1)));
        assert_eq!(outputs(&mut admission), [], "too early");
        admission.handle_timeout(next);
        order.extend(outputs(&mut admission));
    }
    let third = of_one.get(10..11).expect("thirty");
    assert_eq!(
        order,
        [&*proven, &*other, third].concat().into_iter().map(Output::Begin).collect::<Vec<_>>()
    );
    // Who waits for its turn is not slow, and gives way only to others.
    let places = 64 - 30;
    fill(&mut admission, 11_000, hostile(1), places + 10);
    let slow = of_one.get(..10).expect("thirty");
    assert_eq!(evicted(&mut admission), slow);
    // Whose connection is closed leaves the queue.
    of_one.iter().for_each(|id| admission.close(*id));
    assert_eq!(admission.poll_timeout(), None);
}

#[test]
fn unproven_bodies_have_half_of_the_memory_and_the_slowest_gives_way() {
    let mut admission = Admission::new(policy());
    let ids: Vec<_> = (0..8).flat_map(|nth| fill(&mut admission, 0, hostile(nth), 8)).collect();
    let mut granted = 0;
    for id in &ids {
        if admission.grow(*id, MIB - 1).is_ok() {
            granted += 1;
        }
    }
    // One eighth of the half is for small bodies.
    assert!(granted >= 28, "{granted}");
    let bytes = admission.crowd(Standing::Unproven).bytes;
    assert!(bytes <= 28 * MIB, "{bytes}");
    outputs(&mut admission);
    let small = admission.connect(at(1_000), ip("192.0.2.1")).expect("a place");
    admission.grow(small, 32 * KIB).expect("the reserve");
    assert!(evicted(&mut admission).is_empty());
    let large = admission.connect(at(1_001), ip("192.0.2.2")).expect("a place");
    admission.grow(large, MIB).expect("one gives way");
    assert!(!evicted(&mut admission).is_empty());
    // The slower gives way to the quicker, never the other way round.
    let last = *ids.iter().find(|id| admission.standing(**id) == Standing::Unproven).expect("one");
    while admission.grow(last, 16 * KIB).is_ok() {}
    assert_ne!(admission.standing(large), Standing::Outside);
}

#[test]
fn a_proven_sender_has_memory_beside_64_full_bodies_of_its_own_address() {
    let sender = ip("192.0.2.1");
    let mut admission = Admission::new(policy());
    deliver(&mut admission, 0, sender);
    for id in fill(&mut admission, 1, sender, 63) {
        let _ = admission.grow(id, MIB - 1);
    }
    for millis in 100..200 {
        let id = admission.connect(at(millis), sender).expect("a place");
        admission.grow(id, MIB).expect("memory");
        admission.serve(id);
        admission.prove(at(millis), id);
        admission.answered(at(millis), id);
        admission.close(id);
    }
}

#[test]
fn one_body_always_fits() {
    let policy = limited(Limits { body_max: 64 * KIB, bodies_max: 64 * KIB, ..Limits::default() });
    let mut admission = Admission::new(policy);
    let id = admission.connect(at(0), hostile(1)).expect("a place");
    admission.grow(id, 64 * KIB).expect("memory");
    admission.serve(id);
    let second = admission.connect(at(1), hostile(2)).expect("a place");
    assert_eq!(admission.grow(second, 1), Err(Limit::Connections), "the first is being answered");
    admission.answered(at(2), id);
    admission.grow(second, 1).expect("memory again");
}

#[test]
fn a_proxy_s_connection_counts_for_whom_it_speaks() {
    let (proxy, sender) = (ip("127.0.0.1"), ip("192.0.2.1"));
    let proxies = vec![network("127.0.0.1", 32)];
    let allow_from = vec![network("192.0.2.0", 24)];
    let limits = Limits { connections_per_address_max: 4, ..Limits::default() };
    let policy = Policy { proxies, allow_from, limits };
    let mut admission = Admission::new(policy);
    // The limit of one address is not the proxy's.
    let ids = fill(&mut admission, 0, proxy, 20);
    assert!(evicted(&mut admission).is_empty());
    let [first, second, third, ..] = ids.as_slice() else { panic!("twenty") };
    assert_eq!(admission.identify(at(30), *first, sender), Ok(()));
    assert_eq!(admission.standing(*first), Standing::Unproven);
    admission.prove(at(31), *first);
    admission.answered(at(31), *first);
    assert_eq!(admission.count((Standing::Proxy, proxy)), 20);
    assert_eq!(admission.identify(at(32), *second, sender), Ok(()));
    assert_eq!(admission.standing(*second), Standing::Proven);
    assert_eq!(admission.identify(at(33), *third, hostile(1)), Ok(()));
    assert_eq!(admission.standing(*third), Standing::Outside);
    // A client behind the proxy has the limit of one address too.
    for id in ids.iter().skip(3).take(4) {
        assert_eq!(admission.identify(at(34), *id, sender), Ok(()));
    }
    assert_eq!(evicted(&mut admission), [*second]);
}

/// The sums are those of the parts, and no limit is exceeded.
fn check(admission: &Admission) {
    let Limits { connections_max, bodies_max, body_max, .. } = admission.policy.limits;
    for standing in [Standing::Proxy, Standing::Proven, Standing::Unproven, Standing::Outside] {
        let crowd = admission.crowd(standing);
        let of = || admission.connections.values().filter(|of| of.key.0 == standing);
        assert_eq!(crowd.connections, of().count());
        assert_eq!(crowd.bytes, of().map(|connection| connection.body).sum::<usize>());
        let clients = || admission.clients.iter().filter(|(key, _)| key.0 == standing);
        assert_eq!(crowd.sizes.len(), clients().count());
        for ((_, address), client) in clients() {
            assert!(crowd.sizes.contains(&(client.connections.len(), *address)));
        }
    }
    let of = |standing| admission.crowd(standing);
    let (proven, unproven) = (of(Standing::Proven), of(Standing::Unproven));
    let proxies = of(Standing::Proxy);
    assert!(proxies.connections + proven.connections + unproven.connections <= connections_max);
    assert!(unproven.connections <= (connections_max / 2).max(1));
    assert!(of(Standing::Outside).connections <= OUTSIDE_MAX);
    assert!(proven.bytes + unproven.bytes <= bodies_max);
    assert!(
        of(Standing::Outside).bytes == 0
            && proxies.bytes == 0
            && admission.proven.len() <= PROVEN_MAX
    );
    assert!(body_max <= bodies_max);
    let queued: usize = admission.clients.values().map(|client| client.queued.len()).sum();
    let waiting = admission.clients.values().filter(|client| !client.queued.is_empty()).count();
    assert!(queued <= admission.connections.len() && admission.turns.len() == waiting);
}

#[test]
fn whatever_comes_the_sums_hold_and_no_limit_is_exceeded() {
    for seed in 0..200 {
        let mut rand = Rand::new(seed);
        let policy = Policy {
            allow_from: vec![network("198.51.100.0", 24)],
            proxies: vec![network("198.51.100.1", 32)],
            limits: Limits {
                connections_max: 1 + usize::try_from(rand.up_to(12)).expect("small"),
                connections_per_address_max: 1 + usize::try_from(rand.up_to(5)).expect("small"),
                handshakes_per_second_max: 5,
                body_max: 100,
                bodies_max: 100 + usize::try_from(rand.up_to(400)).expect("small"),
                ..Limits::default()
            },
        };
        let mut admission = Admission::new(policy);
        let (mut now, mut ids) = (Instant::default(), Vec::new());
        for _ in 0..400 {
            now = now + Duration::from_millis(rand.up_to(60_000) / (1 + rand.up_to(1_000)));
            let address = match rand.up_to(9) {
                0 => ip("192.0.2.1"),
                nth => hostile(u8::try_from(nth).expect("small")),
            };
            let nth = rand.up_to(u64::try_from(ids.len()).expect("small"));
            let id = ids.get(usize::try_from(nth).expect("small")).copied().unwrap_or(Id(0));
            let is_inside = admission.standing(id) != Standing::Outside;
            match rand.up_to(9) {
                0..=2 => ids.extend(admission.connect(now, address)),
                3 => ids.extend(admission.connect_aside(now, address)),
                4 if rand.up_to(1) == 0 => admission.queue(now, id),
                4 => admission.handle_timeout(now),
                5 if is_inside => {
                    let _ = admission.grow(id, usize::try_from(rand.up_to(50)).expect("small"));
                }
                6 => admission.serve(id),
                7 => {
                    if rand.up_to(1) == 0 {
                        admission.prove(now, id);
                    }
                    admission.answered(now, id);
                }
                8 if is_inside => {
                    let _ = admission.identify(now, id, address);
                }
                _ => admission.close(id),
            }
            outputs(&mut admission);
            check(&admission);
        }
        ids.into_iter().for_each(|id| admission.close(id));
        assert!(admission.clients.is_empty() && admission.turns.is_empty());
        assert!(admission.crowds.values().all(|crowd| crowd.sizes.is_empty() && crowd.bytes == 0));
    }
}

#[test]
fn who_fails_again_and_again_waits_for_the_answer() {
    let mut admission = Admission::new(policy());
    let mut fail = |millis, address| {
        let id = admission.connect(at(millis), address).expect("a place");
        let pause = admission.fail(at(millis), id);
        admission.close(id);
        (pause.as_millis(), admission.failed.len())
    };
    let pauses: Vec<u128> = (0..200).map(|nth| fail(nth, hostile(1)).0).collect();
    assert!(pauses.iter().take(10).all(|pause| *pause == 0), "{pauses:?}");
    assert_eq!(pauses.get(10..13), Some([20, 40, 60].as_slice()));
    assert_eq!(pauses.last(), Some(&2_000));
    assert_eq!(fail(200, hostile(2)).0, 0);
    // Ten minutes later it is new.
    assert_eq!(fail(601_000, hostile(1)).0, 0);
    for nth in 0..3_000_u32 {
        assert!(fail(602_000, IpAddr::from(nth.to_be_bytes())).1 <= PROVEN_MAX);
    }
    let mut admission = Admission::new(policy());
    for nth in 0..20 {
        let id = admission.connect(at(nth), hostile(1)).expect("a place");
        admission.fail(at(nth), id);
    }
    // Who proves itself is not held back any more.
    let id = deliver(&mut admission, 30, hostile(1));
    assert_eq!(admission.fail(at(31), id), Duration::ZERO);
}
