// SPDX-License-Identifier: MIT OR Apache-2.0

//! A whole message as a value, the same for each protocol with the frame of
//! [`super::frame`]: only headers and extensions differ.

/// Defines `Message` and `DecodeError` with the `Header`, `Ext` and `ExtType` in scope;
/// `request` takes the field of the header that is named, too.
macro_rules! message {
    (request($field:ident: $type:ty)) => {
        /// Header and extensions in their order.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Message {
            /// The header. [`Message::encode`] computes its length field.
            pub header: Header,
            /// The extensions.
            pub exts: Vec<Ext>,
        }

        /// Why bytes are no message.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        pub enum DecodeError {
            /// Not even a header.
            #[error("message of {len} bytes, a header has {HEADER_LEN}")]
            Short {
                /// Bytes at hand.
                len: usize,
            },
            /// Length or an extension is wrong.
            #[error(transparent)]
            Frame(#[from] FrameError),
        }

        impl Message {
            /// A request without extensions.
            #[must_use]
            pub fn request(kind: MsgType, $field: $type) -> Self {
                Self { header: Header::request(kind, $field), exts: Vec::new() }
            }

            /// Adds an extension.
            #[must_use]
            pub fn with(mut self, ext: Ext) -> Self {
                self.exts.push(ext);
                self
            }

            /// Reads a message. Unknown and repeated extensions are kept.
            pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
                if bytes.len() < HEADER_LEN {
                    return Err(DecodeError::Short { len: bytes.len() });
                }
                let header = Header::read(bytes);
                let stated = usize::from(header.len) * 8;
                if stated != bytes.len() {
                    return Err(FrameError::Size { actual: bytes.len(), stated }.into());
                }
                let exts = $crate::wire::frame::walk(bytes)
                    .map(|ext| Ok(Ext::decode(&ext?)))
                    .collect::<Result<_, FrameError>>()?;
                Ok(Self { header, exts })
            }

            /// Bytes of the encoded message.
            #[must_use]
            pub fn encoded_len(&self) -> usize {
                HEADER_LEN + self.exts.iter().map(Ext::encoded_len).sum::<usize>()
            }

            /// Appends the bytes, with the length field filled in.
            fn write(&self, out: &mut Vec<u8>) {
                let len = self.encoded_len();
                let words = u16::try_from(len / 8).expect("message fits its length field");
                // Enough room from the start: growing would leave a copy of keys behind.
                out.reserve_exact(len);
                out.extend_from_slice(&Header { len: words, ..self.header }.bytes());
                for ext in &self.exts {
                    ext.encode(out);
                }
            }

            /// The first extension of a type.
            #[must_use]
            pub fn get(&self, kind: ExtType) -> Option<&Ext> {
                self.exts.iter().find(|ext| ext.kind() == kind)
            }
        }
    };
}

pub(super) use message;
