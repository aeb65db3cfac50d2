//! RFC 7541 Appendix C.2 to C.6; C.1 is beside the integers.

use super::*;

/// Decodes a block and compares the fields, the table afterwards and its size.
fn check(decoder: &mut Decoder, wire: &str, fields: &str, entries: &[&str], size: usize) {
    let decoded: Vec<String> = decode(decoder, &hex(wire))
        .unwrap()
        .into_iter()
        .map(|(name, value)| String::from_utf8([name, b": ".to_vec(), value].concat()).unwrap())
        .collect();
    assert_eq!(decoded, fields.split('\n').map(str::trim).collect::<Vec<_>>());
    assert_eq!(table(decoder.table()), entries);
    assert_eq!(decoder.table().size(), size);
}

#[test]
fn c_2_representations() {
    check(
        &mut Decoder::new(4096),
        "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
        "custom-key: custom-header",
        &["custom-key: custom-header"],
        55,
    );
    let mut decoder = Decoder::new(4096);
    check(&mut decoder, "040c 2f73 616d 706c 652f 7061 7468", ":path: /sample/path", &[], 0);
    let never = "1008 7061 7373 776f 7264 0673 6563 7265 74";
    check(&mut decoder, never, "password: secret", &[], 0);
    check(&mut decoder, "82", ":method: GET", &[], 0);

    let mut fields = FieldList::new();
    decoder.decode(&hex(never), &WIDE, &mut fields).unwrap();
    assert!(fields.iter().all(|field| field.never_indexed));
    decoder.decode(&hex("82"), &WIDE, &mut fields).unwrap();
    assert!(fields.iter().all(|field| !field.never_indexed));
}

const REQUESTS: [&str; 3] = [
    ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com",
    ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\ncache-control: no-cache",
    ":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\n\
     custom-key: custom-value",
];

const REQUESTS_HUFFMAN: [&str; 3] = [
    "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
    "8286 84be 5886 a8eb 1064 9cbf",
    "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
];

fn check_requests(wire: [&str; 3]) {
    let mut decoder = Decoder::new(4096);
    let authority = ":authority: www.example.com";
    check(&mut decoder, wire[0], REQUESTS[0], &[authority], 57);
    let control = "cache-control: no-cache";
    check(&mut decoder, wire[1], REQUESTS[1], &[control, authority], 110);
    let custom = "custom-key: custom-value";
    check(&mut decoder, wire[2], REQUESTS[2], &[custom, control, authority], 164);
}

#[test]
fn c_3_requests_without_huffman() {
    check_requests([
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ]);
}

#[test]
fn c_4_requests_with_huffman() {
    check_requests(REQUESTS_HUFFMAN);
}

#[test]
fn c_4_is_what_the_encoder_writes() {
    let mut encoder = Encoder::new();
    for (wire, fields) in REQUESTS_HUFFMAN.iter().zip(REQUESTS) {
        let mut block = Vec::new();
        encoder.begin(&mut block);
        for field in fields.split('\n') {
            let (name, value) = field.trim().rsplit_once(": ").unwrap();
            encoder.literal(&mut block, name.as_bytes(), value.as_bytes(), Indexing::Indexed);
        }
        assert_eq!(block, hex(wire));
    }
    assert_eq!(encoder.table().size(), 164);
}

fn check_responses(wire: [&str; 3]) {
    let mut decoder = Decoder::new(256);
    let location = "location: https://www.example.com";
    let date_21 = "date: Mon, 21 Oct 2013 20:13:21 GMT";
    let private = "cache-control: private";
    check(
        &mut decoder,
        wire[0],
        &[":status: 302", private, date_21, location].join("\n"),
        &[location, date_21, private, ":status: 302"],
        222,
    );
    check(
        &mut decoder,
        wire[1],
        &[":status: 307", private, date_21, location].join("\n"),
        &[":status: 307", location, date_21, private],
        222,
    );
    let date_22 = "date: Mon, 21 Oct 2013 20:13:22 GMT";
    let encoding = "content-encoding: gzip";
    let cookie = "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
    check(
        &mut decoder,
        wire[2],
        &[":status: 200", private, date_22, location, encoding, cookie].join("\n"),
        &[cookie, encoding, date_22],
        215,
    );
}

#[test]
fn c_5_responses_without_huffman() {
    check_responses([
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a \
         3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 \
         677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 \
         553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
    ]);
}

#[test]
fn c_6_responses_with_huffman() {
    check_responses([
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e \
         919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 \
         821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed \
         4ee5 b106 3d50 07",
    ]);
}
