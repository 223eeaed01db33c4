//! Numbers that the server reads from its page tokens exactly as it wrote them.
//!
//! Kinto reads JSON with `RapidJSON` at its "normal" precision: the digits are gathered in a 64-bit integer up to 2⁵³, further ones in
//! a double, and the result is multiplied, or divided, by one power of ten. Beyond 22 digits of exponent that is off by a
//! bit about one time in four. A page that starts from such a number repeats an object, or skips some.

use serde_json::value::RawValue;

/// Returns `true` if the server reads the number as the value that this text is.
pub(crate) fn survives(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_integer = digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_integer && digits.parse::<u64>().is_ok() {
        return true;
    }
    let Some(read) = read(digits) else { return false };
    if is_integer {
        return shown_in_full(read).is_some_and(|shown| shown == digits.trim_start_matches('0'));
    }
    digits.parse::<f64>().is_ok_and(|exact| exact.to_bits() == read.to_bits())
}

/// Returns the first of the values that is a number the server reads inexactly.
pub(crate) fn first_lost<'a>(values: impl IntoIterator<Item = &'a RawValue>) -> Option<&'a str> {
    let is_number = |text: &&str| text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    values.into_iter().map(RawValue::get).filter(is_number).find(|text| !survives(text))
}

/// The digits of an integer that a double stands for, when it is written by its shortest decimal.
fn shown_in_full(value: f64) -> Option<String> {
    let shortest = format!("{value:e}");
    let (mantissa, exponent) = shortest.split_once('e')?;
    let digits = mantissa.replace('.', "");
    let length = exponent.parse::<usize>().ok()? + 1;
    (digits.len() <= length).then(|| format!("{digits:0<length$}"))
}

/// Reads a number, without its sign, as `RapidJSON` does at its normal precision.
fn read(text: &str) -> Option<f64> {
    const MAX_EXACT: u64 = (1 << 53) - 1;
    const MAX_DIGITS: usize = 17;
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut exponent = exponent.parse::<i32>().ok()?;
    let (mut gathered, mut value, mut significant) = (0_u64, None::<f64>, 0);
    for digit in whole.bytes().map(|byte| byte.wrapping_sub(b'0')) {
        let more = || gathered.checked_mul(10)?.checked_add(digit.into());
        match (value, more()) {
            (None, Some(more)) => {
                gathered = more;
                significant += usize::from(gathered > 0);
            }
            (known, _) => value = Some(known.unwrap_or(as_double(gathered)) * 10.0 + f64::from(digit)),
        }
    }
    for digit in fraction.bytes().map(|byte| byte.wrapping_sub(b'0')) {
        if value.is_none() && gathered <= MAX_EXACT {
            gathered = gathered * 10 + u64::from(digit);
            exponent -= 1;
            significant += usize::from(gathered > 0);
            continue;
        }
        let known = value.unwrap_or(as_double(gathered));
        value = Some(known);
        if significant < MAX_DIGITS {
            let more = known * 10.0 + f64::from(digit);
            value = Some(more);
            exponent -= 1;
            significant += usize::from(more > 0.0);
        }
    }
    Some(scaled(value.unwrap_or(as_double(gathered)), exponent))
}

#[expect(clippy::cast_precision_loss, reason = "that is what the server does")]
fn as_double(gathered: u64) -> f64 {
    gathered as f64
}

fn scaled(value: f64, exponent: i32) -> f64 {
    const LEAST: i32 = -308;
    if exponent < LEAST { by_power(by_power(value, LEAST), exponent - LEAST) } else { by_power(value, exponent) }
}

fn by_power(value: f64, exponent: i32) -> f64 {
    let power = |exponent: u32| format!("1e{exponent}").parse().unwrap_or(f64::INFINITY);
    match exponent {
        ..=-309 => 0.0,
        -308..0 => value / power(exponent.unsigned_abs()),
        0.. => value * power(exponent.unsigned_abs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with python-rapidjson 1.x, in the mode that Kinto uses.
    #[test]
    fn survives_tells_what_the_server_reads_inexactly() {
        for exact in [
            "0",
            "-7",
            "18446744073709551615",
            "3.14",
            "0.1",
            "1e-07",
            "19.99",
            "-0.5",
            "1e+21",
            "123456.789",
            "5e-324",
            "340282346638528860000000000000000000000",
        ] {
            assert!(survives(exact), "{exact}");
        }
        for lost in ["6.637205051048258e-10", "3.4028234663852886e+38", "-3e+23", "3.6e-24"] {
            assert!(!survives(lost), "{lost}");
        }
    }
}
