//! Printing a value in canonical form (RFC 8785).

use super::{Member, Value, string};

/// Appends the canonical form of `value`; the order of members is the parser's work already.
pub(crate) fn print(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Integer(literal) => out.extend_from_slice(literal.as_bytes()),
        Value::Double(double) => {
            out.extend_from_slice(ryu_js::Buffer::new().format_finite(*double).as_bytes());
        }
        Value::String(text) => string::print(text, out),
        Value::Array(elements) => {
            separated(b'[', elements, b']', out, print);
        }
        Value::Object(members) => {
            separated(b'{', members, b'}', out, |Member { name, value, .. }, out| {
                string::print(name, out);
                out.push(b':');
                print(value, out);
            });
        }
    }
}

fn separated<T>(open: u8, parts: &[T], close: u8, out: &mut Vec<u8>, print_part: impl Fn(&T, &mut Vec<u8>)) {
    out.push(open);
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        print_part(part, out);
    }
    out.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8785, appendix B: the double by its bits, and what ECMAScript prints.
    #[test]
    fn doubles_print_as_rfc_8785_appendix_b_says() {
        for (bits, expected) in [
            (0x0000_0000_0000_0000, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"),
            (0x41b3_de43_5555_5556, "333333333.3333334"),
            (0x41b3_de43_5555_5557, "333333333.33333343"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
        ] {
            let mut out = Vec::new();
            print(&Value::Double(f64::from_bits(bits)), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{bits:#018x}");
        }
    }
}
