//! Against what Go itself wrote (`encoding/gob` of Go 1.19), in hexadecimal.

use proptest::prelude::*;

use super::*;

const EMPTY: &str = "030C0000";
const BYTES: &str = "060A00030001FF";
const TRUE: &str = "03020001";
const FALSE: &str = "03020000";
const FLOAT: &str = "03080040";
const NEGFLOAT: &str = "0B0800F8355800662DEB41FE";
const INT: &str = "050400FE0101";
const INT_MIN: &str = "0B0400F8FFFFFFFFFFFFFFFF";
const UINT: &str = "0B0600F8FFFFFFFFFFFFFFFF";
const STRINGS: &str = "0CFF81020102FF8200010C00000AFF82000301610002C3A4";
const NOSTRINGS: &str = "0CFF81020102FF8200010C000004FF820000";
const MAP: &str =
    "0EFF83040102FF8400010C010C00001FFF840001127468656D652D636F6C6F722D616374696F6E0723666630303030";
const SOCIAL: &str = "0DFF87020102FF880001FF86000038FF850301010C536F6369616C48616E646C6501FF860001030108506C6174666F726D010C000103 \
    55524C010C00010449636F6E010C00000051FF88000201086D6173746F646F6E011F68747470733A2F2F736F6369616C2E6578616D70 \
    6C652E6F72672F40616461000106676974687562011668747470733A2F2F6769746875622E636F6D2F61646100";
const KEYSP: &str = "0DFF99020102FF9A0001FF9800002CFF970301010A53747265616D4B65795001FF9800010201034B6579010C000107436F6D6D656E74 \
    010C00000022FF9A000101136532652D6F776E636173742D6B65792D302E32010673747564696F00";
const NULLTIME: &str = "2AFF9B030101084E756C6C54696D6501FF9C000102010454696D6501FF9E00010556616C6964010200000010FF9D0501010454696D65 \
    01FF9E00000016FF9C010F010000000EDBBF070C00000009FFFF010100";
const ANY: &str = "4FFFA103010103416E7901FFA200010701044E616D65010C00010556616C756501100001044D6F726501FFA40001045061697201FFA6 \
    0001014601080001014D01FFAA00010453656C6601FFA20000001CFFA30201010E5B5D696E74657266616365207B7D01FFA400011000 \
    0019FFA5010101095B325D75696E74313601FFA60001060104000021FFA9040101106D61705B737472696E675D5B5D696E7401FFAA00 \
    010C01FFA800000CFFA7020102FFA8000104000030FFA201016E010A6D61696E2E506F696E74FFAB03010105506F696E7401FFAC0001 \
    0201015801040001015901040000003FFFAC050106010700010406737472696E670C0300017803696E740402000E00116D61705B7374 \
    72696E675D737472696E67FF83040102FF8400010C010C000028FF84060001016B0176010201FEFFFF01FEE03F010101710202010101 \
    05696E6E6572030200000000";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn read(hex: &str) -> Value {
    decode(&bytes(hex)).unwrap()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn fields<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Struct(fields.map(|(name, value)| (name.to_owned(), value)).to_vec())
}

#[test]
fn plain_values_are_read_as_go_wrote_them() {
    assert_eq!(read(EMPTY), text(""));
    assert_eq!(read(BYTES), Value::Bytes(vec![0, 1, 255]));
    assert_eq!((read(TRUE), read(FALSE)), (Value::Bool(true), Value::Bool(false)));
    assert_eq!((read(FLOAT), read(NEGFLOAT)), (Value::Float(2.0), Value::Float(-1.5e300)));
    assert_eq!((read(INT), read(INT_MIN)), (Value::Int(-129), Value::Int(i64::MIN)));
    assert_eq!(read(UINT), Value::Uint(u64::MAX));
    assert_eq!(read(STRINGS), Value::List(vec![text("a"), text(""), text("ä")]));
    assert_eq!(read(NOSTRINGS), Value::List(Vec::new()));
    assert_eq!(read(MAP), Value::Map(vec![(text("theme-color-action"), text("#ff0000"))]));
    assert_eq!(read(FLOAT).number(), Some(2.into()));
    assert_eq!(read(INT).number(), Some((-129).into()));
}

#[test]
fn structures_pointers_times_and_interfaces_are_read_as_go_wrote_them() {
    let handle = |platform: &str, url: &str| fields([("Platform", text(platform)), ("URL", text(url))]);
    assert_eq!(
        read(SOCIAL),
        Value::List(vec![
            handle("mastodon", "https://social.example.org/@ada"),
            handle("github", "https://github.com/ada"),
        ])
    );
    let key = fields([("Key", text("e2e-owncast-key-0.2")), ("Comment", text("studio"))]);
    assert_eq!(read(KEYSP), Value::List(vec![key]));
    let time = read(NULLTIME);
    assert!(matches!(time.field("Time"), Some(Value::Bytes(bytes)) if bytes.len() == 15), "{time:?}");
    assert_eq!(time.field("Valid"), Some(&Value::Bool(true)));
    let point = fields([("X", Value::Int(3)), ("Y", Value::Int(-4))]);
    let more =
        Value::List(vec![text("x"), Value::Int(7), Value::Nil, Value::Map(vec![(text("k"), text("v"))])]);
    let map = Value::Map(vec![(text("q"), Value::List(vec![Value::Int(1), Value::Int(-1)]))]);
    assert_eq!(
        read(ANY),
        fields([
            ("Name", text("n")),
            ("Value", point),
            ("More", more),
            ("Pair", Value::List(vec![Value::Uint(1), Value::Uint(65_535)])),
            ("F", Value::Float(0.5)),
            ("M", map),
            // Arrays are written even where all of it is zero.
            ("Self", fields([("Name", text("inner")), ("Pair", Value::List(vec![Value::Uint(0); 2]))])),
        ])
    );
}

#[test]
fn an_encoding_that_is_cut_or_goes_on_is_refused() {
    for hex in [TRUE, STRINGS, MAP, SOCIAL, NULLTIME, ANY] {
        let whole = bytes(hex);
        for end in 0..whole.len() {
            assert!(decode(&whole[..end]).is_err(), "cut at {end}");
        }
        assert_eq!(decode(&[&whole[..], &[0]].concat()), Err(GobError::Rest));
    }
    assert_eq!(decode(&vec![0; MAX_BYTES + 1]), Err(GobError::TooLong));
}

/// A type whose elements are of the type itself: Go writes no such value, which would have no end.
#[test]
fn a_type_of_itself_is_not_followed_without_end() {
    let mut deep = bytes("0DFF81020102FF820001FF820000");
    // 100 lists of one, within each other.
    deep.extend([103, 0xff, 0x82, 0]);
    deep.extend([1; 100]);
    assert_eq!(decode(&deep), Err(GobError::TooLarge));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn no_change_of_an_encoding_makes_it_panic(
        which in 0_usize..6,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = bytes([STRINGS, MAP, SOCIAL, KEYSP, NULLTIME, ANY][which]);
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _ = decode(&bytes);
    }
}
