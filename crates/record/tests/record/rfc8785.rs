//! RFC 8785's own examples.

use record::canonical;

fn canonical_text(json: &str) -> String {
    String::from_utf8(canonical(json.as_bytes()).unwrap()).unwrap()
}

/// Section 3.2.2 and 3.2.3: literals, numbers and a string, and their sorted form.
#[test]
fn the_sample_of_section_3_2_2() {
    let json = r#"{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }"#;
    let expected = r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
    assert_eq!(canonical_text(json), expected);
}

/// The bytes of the same sample, as section 3.2.4 prints them in hexadecimal (its first and last words).
#[test]
fn the_bytes_of_section_3_2_4() {
    let bytes = canonical(br#"{"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/"}"#).unwrap();
    let expected: &[u8] = &[
        0x22, 0xe2, 0x82, 0xac, 0x24, 0x5c, 0x75, 0x30, 0x30, 0x30, 0x66, 0x5c, 0x6e, 0x41, 0x27, 0x42, 0x5c,
        0x22, 0x5c, 0x5c, 0x5c, 0x5c, 0x5c, 0x22, 0x2f, 0x22, 0x7d,
    ];
    assert_eq!(&bytes[bytes.len() - expected.len()..], expected);
}

/// Section 3.2.3: names sort by UTF-16 code units, so that the emoji comes before U+FB33.
#[test]
fn the_sorting_sample_of_section_3_2_3() {
    let json = r#"{
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis"
    }"#;
    let expected = concat!(
        r#"{"\r":"Carriage Return","1":"One","#,
        "\"\u{80}\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",",
        "\"😀\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}"
    );
    assert_eq!(canonical_text(json), expected);
}

/// The "weird" example that travels with the RFC's reference implementations.
#[test]
fn the_weird_sample() {
    let json = r#"{
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\u000a": "Newline",
      "1": "One",
      "\u0080": "Control\u007f",
      "\ud83d\ude02": "Smiley",
      "\u00f6": "Latin Small Letter O With Diaeresis",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "</script>": "Browser Challenge"
    }"#;
    let expected = concat!(
        r#"{"\n":"Newline","\r":"Carriage Return","1":"One","</script>":"Browser Challenge","#,
        "\"\u{80}\":\"Control\u{7f}\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",",
        "\"😂\":\"Smiley\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}"
    );
    assert_eq!(canonical_text(json), expected);
}

/// Appendix B through the front door: what is in range prints as the table says, the rest is refused.
/// (The printer itself is held to the whole table beside its code.)
#[test]
fn the_numbers_of_appendix_b() {
    for (bits, expected) in [
        (0x0000_0000_0000_0000, Ok("0")),
        (0x8000_0000_0000_0000, Err("negative-zero")),
        (0x0000_0000_0000_0001, Ok("5e-324")),
        (0x8000_0000_0000_0001, Ok("-5e-324")),
        (0x7fef_ffff_ffff_ffff, Ok("1.7976931348623157e+308")),
        (0xffef_ffff_ffff_ffff, Ok("-1.7976931348623157e+308")),
        (0x4340_0000_0000_0000, Err("number-out-of-range")),
        (0xc340_0000_0000_0000, Err("number-out-of-range")),
        (0x4430_0000_0000_0000, Err("number-out-of-range")),
        (0x44b5_2d02_c7e1_4af5, Ok("9.999999999999997e+22")),
        (0x44b5_2d02_c7e1_4af6, Ok("1e+23")),
        (0x44b5_2d02_c7e1_4af7, Ok("1.0000000000000001e+23")),
        (0x444b_1ae4_d6e2_ef4e, Err("number-out-of-range")),
        (0x444b_1ae4_d6e2_ef4f, Err("number-out-of-range")),
        (0x444b_1ae4_d6e2_ef50, Ok("1e+21")),
        (0x3eb0_c6f7_a0b5_ed8c, Ok("9.999999999999997e-7")),
        (0x3eb0_c6f7_a0b5_ed8d, Ok("0.000001")),
        (0x41b3_de43_5555_5553, Ok("333333333.3333332")),
        (0x41b3_de43_5555_5554, Ok("333333333.33333325")),
        (0x41b3_de43_5555_5555, Ok("333333333.3333333")),
        (0x41b3_de43_5555_5556, Ok("333333333.3333334")),
        (0x41b3_de43_5555_5557, Ok("333333333.33333343")),
        (0xbecb_f647_612f_3696, Ok("-0.0000033333333333333333")),
        (0x4314_3ff3_c1cb_0959, Ok("1424953923781206.2")),
    ] {
        for spelled in [format!("{:e}", f64::from_bits(bits)), format!("{:.16E}", f64::from_bits(bits))] {
            let printed = canonical(spelled.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(printed.as_deref().map_err(record::Refusal::code), expected, "{bits:#018x} {spelled}");
        }
    }
}
