use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap as _},
};

use super::{
    compound::{Compound, Struct},
    context::EncodeContext,
};

/// The maximum depth of data, which is that of `serde_json` minus two levels of the envelope: a deeper record
/// could be stored, but never decoded.
pub(super) const MAX_DEPTH: usize = 126;

/// A value that is checked while it is serialized.
pub(super) struct Checked<'t, T: ?Sized> {
    value: &'t T,
    place: Place<'t>,
}

/// The depth of a value, and the context to report errors to.
#[derive(Clone, Copy)]
pub(super) struct Place<'t> {
    pub(super) depth: usize,
    pub(super) context: &'t EncodeContext,
}

impl<'t, T: ?Sized> Checked<'t, T> {
    pub(super) fn new(value: &'t T, context: &'t EncodeContext) -> Self {
        Self { value, place: Place { depth: 0, context } }
    }
}

impl<T: Serialize + ?Sized> Serialize for Checked<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Encoder { serializer, place: self.place }).map_err(|error| self.place.context.note(error))
    }
}

impl<'t> Place<'t> {
    pub(super) fn holds<T: ?Sized>(self, value: &'t T) -> Checked<'t, T> {
        Checked { value, place: self }
    }

    pub(super) fn deeper<E: serde::ser::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(self.context.refuse(format!("it is nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    pub(super) fn check<E: serde::ser::Error>(self, text: &str) -> Result<(), E> {
        if text.contains('\0') {
            return Err(self.context.refuse("text with a NUL character (U+0000), which PostgreSQL cannot hold"));
        }
        Ok(())
    }

    fn check_variant<E: serde::ser::Error>(self, variant: &str) -> Result<(), E> {
        if self.is_of_new_data() {
            self.context.check_only_key(variant)?;
        }
        self.check(variant)
    }

    /// Returns `true` if the keys at this place are those of an object to be created.
    pub(super) fn is_of_new_data(self) -> bool {
        self.depth == 0 && self.context.is_new_data()
    }

    pub(super) fn too_large<E: serde::ser::Error>(self, number: impl std::fmt::Display) -> E {
        self.context.refuse(format!("{number} has more than 64 bits: the server would round it"))
    }
}

/// A serializer that checks everything before it passes it on to another serializer.
pub(super) struct Encoder<'t, S> {
    pub(super) serializer: S,
    pub(super) place: Place<'t>,
}

/// Returns a length to announce, which is never 0: `serde_json` would close the value at once, and the
/// announced length may be wrong.
fn some(len: usize) -> usize {
    len.max(1)
}

/// Defines the methods for types that need no check.
macro_rules! as_it_is {
    ($($method:ident($($value:ident: $type:ty),*))+) => {$(
        fn $method(self, $($value: $type),*) -> Result<S::Ok, S::Error> {
            self.serializer.$method($($value),*)
        }
    )+};
}

impl<'t, S: Serializer> Serializer for Encoder<'t, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Compound<'t, S::SerializeSeq>;
    type SerializeTuple = Compound<'t, S::SerializeTuple>;
    type SerializeTupleStruct = Compound<'t, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Compound<'t, S::SerializeTupleVariant>;
    type SerializeMap = Compound<'t, S::SerializeMap>;
    type SerializeStruct = Struct<'t, S>;
    type SerializeStructVariant = Compound<'t, S::SerializeStructVariant>;

    as_it_is! {
        serialize_bool(v: bool)
        serialize_i8(v: i8)
        serialize_i16(v: i16)
        serialize_i32(v: i32)
        serialize_i64(v: i64)
        serialize_u8(v: u8)
        serialize_u16(v: u16)
        serialize_u32(v: u32)
        serialize_u64(v: u64)
        serialize_bytes(v: &[u8])
        serialize_none()
        serialize_unit()
        serialize_unit_struct(name: &'static str)
    }

    fn serialize_i128(self, v: i128) -> Result<S::Ok, S::Error> {
        match (i64::try_from(v), u64::try_from(v)) {
            (Ok(v), _) => self.serializer.serialize_i64(v),
            (_, Ok(v)) => self.serializer.serialize_u64(v),
            _ => Err(self.place.too_large(v)),
        }
    }

    fn serialize_u128(self, v: u128) -> Result<S::Ok, S::Error> {
        match u64::try_from(v) {
            Ok(v) => self.serializer.serialize_u64(v),
            Err(_) => Err(self.place.too_large(v)),
        }
    }

    fn serialize_f32(self, v: f32) -> Result<S::Ok, S::Error> {
        // Converted by its shortest text, as `serde_json` writes it: 0.1_f32 is 0.1, not 0.10000000149011612.
        self.serialize_f64(v.to_string().parse().unwrap_or_else(|_| f64::from(v)))
    }

    fn serialize_f64(self, v: f64) -> Result<S::Ok, S::Error> {
        if !v.is_finite() {
            return Err(self.place.context.refuse(format!("{v} is a number that JSON cannot represent")));
        }
        self.serializer.serialize_f64(v)
    }

    fn serialize_char(self, v: char) -> Result<S::Ok, S::Error> {
        self.serialize_str(v.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, v: &str) -> Result<S::Ok, S::Error> {
        self.place.check(v)?;
        self.serializer.serialize_str(v)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        value.serialize(self)
    }

    fn serialize_unit_variant(self, name: &'static str, index: u32, variant: &'static str) -> Result<S::Ok, S::Error> {
        self.place.check(variant)?;
        self.serializer.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<S::Ok, S::Error> {
        value.serialize(self)
    }

    /// Writes the map of one entry that JSON has for it, since `serde_path_to_error` follows no variants.
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.place.check_variant(variant)?;
        let inner = self.place.deeper()?;
        let mut map = self.serializer.serialize_map(Some(1))?;
        map.serialize_entry(variant, &inner.holds(value))?;
        map.end()
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        Ok(Compound::new(self.place.deeper()?, self.serializer.serialize_seq(len.map(some))?))
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        Ok(Compound::new(self.place.deeper()?, self.serializer.serialize_tuple(some(len))?))
    }

    fn serialize_tuple_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeTupleStruct, S::Error> {
        Ok(Compound::new(self.place.deeper()?, self.serializer.serialize_tuple_struct(name, some(len))?))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.place.check_variant(variant)?;
        let place = self.place.deeper()?.deeper()?;
        Ok(Compound::new(place, self.serializer.serialize_tuple_variant(name, index, variant, some(len))?))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        Compound::of_keys(self.place, self.serializer.serialize_map(len.map(some))?)
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, S::Error> {
        // The types of `serde_json` (`RawValue`, and `Number` under `arbitrary_precision`) serialize as structs
        // with such a name.
        if name.starts_with("$serde_json::private::") {
            let foreign = serde_json::value::Serializer.serialize_struct(name, len).map_err(S::Error::custom)?;
            return Ok(Struct::Foreign { foreign, encoder: self });
        }
        Compound::of_keys(self.place, self.serializer.serialize_struct(name, some(len))?).map(Struct::Own)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.place.check_variant(variant)?;
        let place = self.place.deeper()?.deeper()?;
        Ok(Compound::new(place, self.serializer.serialize_struct_variant(name, index, variant, some(len))?))
    }

    fn is_human_readable(&self) -> bool {
        self.serializer.is_human_readable()
    }
}
