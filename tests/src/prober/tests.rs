use super::*;

const VIP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 66, 251));
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 6];

fn answers(at_millis: &[u64]) -> Vec<Answer> {
    let answer = |at: &u64| Answer {
        at: Duration::from_millis(*at),
        mac: if *at < 500 { "a" } else { "b" }.to_owned(),
    };
    at_millis.iter().map(answer).collect()
}

const ASKED: Asked = Asked {
    began: Duration::from_millis(100),
    ended: Duration::from_millis(1000),
    count: 10,
};

#[test]
fn the_largest_gap_is_between_two_answers_and_each_answer_is_somebody_s() {
    let probed = judge(ASKED, &answers(&[101, 200, 300, 701, 800, 900, 1001]));
    assert_eq!((probed.sent, probed.lost), (10, 3));
    assert_eq!(probed.largest_gap, Duration::from_millis(401));
    let expected = [("a".to_owned(), 3), ("b".to_owned(), 4)];
    assert_eq!(probed.answered_by, BTreeMap::from(expected));
}

#[test]
fn a_silence_at_the_beginning_or_the_end_is_a_gap_too() {
    let late = judge(ASKED, &answers(&[700, 800, 900, 1000]));
    assert_eq!(late.largest_gap, Duration::from_millis(600));
    let early = judge(ASKED, &answers(&[101, 200]));
    assert_eq!(early.largest_gap, Duration::from_millis(800));
    let never = judge(ASKED, &[]);
    assert_eq!(
        (never.lost, never.largest_gap),
        (10, Duration::from_millis(900))
    );
}

#[test]
fn the_checksum_of_an_echo_makes_the_sum_of_all_words_minus_zero() {
    for count in [0, 1, 0xf7ff, 0xf800, 0xffff, 0x1_0000] {
        let message = Question::Echo(VIP).message(count);
        let sum: u32 = message.chunks(2).map(|pair| u32::from(word(pair))).sum();
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff, "number {count}");
    }
}

#[test]
fn only_answers_count() {
    let heard = |protocol: u8, message: &[u8]| {
        let mut header = vec![0; 20];
        header[0] = 0x45;
        header[9] = protocol;
        let bytes = [&[0xff; 6][..], &MAC, &[8, 0], &header, message].concat();
        let at = Duration::ZERO;
        Frame { at, bytes }
    };
    let echo = Question::Echo(VIP);
    let answer = echo.answer(&heard(ICMP, &[0, 0]));
    assert_eq!(answer.expect("an answer").mac, "02:00:00:00:00:06");
    for (protocol, message) in [(ICMP, &[3, 1][..]), (UDP, &[0, 0]), (ICMP, &[])] {
        assert_eq!(echo.answer(&heard(protocol, message)), None);
    }
    let datagram = Question::Datagram(SocketAddr::new(VIP, 53));
    assert!(datagram.answer(&heard(UDP, &[0, 53, 0x9c, 0x40])).is_some());
    assert_eq!(datagram.answer(&heard(UDP, &[0, 80])), None);
}
