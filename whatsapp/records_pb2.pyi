from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Session(_message.Message):
    __slots__ = ("local_identity", "remote_identity", "local_registration_id", "remote_registration_id", "base_key", "root_key", "ratchet_private", "ratchet_public", "sending", "previous_counter", "receiving", "pending")
    class SkippedKey(_message.Message):
        __slots__ = ("counter", "seed")
        COUNTER_FIELD_NUMBER: _ClassVar[int]
        SEED_FIELD_NUMBER: _ClassVar[int]
        counter: int
        seed: bytes
        def __init__(self, counter: _Optional[int] = ..., seed: _Optional[bytes] = ...) -> None: ...
    class ReceivingChain(_message.Message):
        __slots__ = ("ratchet_key", "key", "counter", "skipped")
        RATCHET_KEY_FIELD_NUMBER: _ClassVar[int]
        KEY_FIELD_NUMBER: _ClassVar[int]
        COUNTER_FIELD_NUMBER: _ClassVar[int]
        SKIPPED_FIELD_NUMBER: _ClassVar[int]
        ratchet_key: bytes
        key: bytes
        counter: int
        skipped: _containers.RepeatedCompositeFieldContainer[Session.SkippedKey]
        def __init__(self, ratchet_key: _Optional[bytes] = ..., key: _Optional[bytes] = ..., counter: _Optional[int] = ..., skipped: _Optional[_Iterable[_Union[Session.SkippedKey, _Mapping[str, object]]]] = ...) -> None: ...
    class SendingChain(_message.Message):
        __slots__ = ("key", "counter")
        KEY_FIELD_NUMBER: _ClassVar[int]
        COUNTER_FIELD_NUMBER: _ClassVar[int]
        key: bytes
        counter: int
        def __init__(self, key: _Optional[bytes] = ..., counter: _Optional[int] = ...) -> None: ...
    class Pending(_message.Message):
        __slots__ = ("pre_key_id", "signed_pre_key_id")
        PRE_KEY_ID_FIELD_NUMBER: _ClassVar[int]
        SIGNED_PRE_KEY_ID_FIELD_NUMBER: _ClassVar[int]
        pre_key_id: int
        signed_pre_key_id: int
        def __init__(self, pre_key_id: _Optional[int] = ..., signed_pre_key_id: _Optional[int] = ...) -> None: ...
    LOCAL_IDENTITY_FIELD_NUMBER: _ClassVar[int]
    REMOTE_IDENTITY_FIELD_NUMBER: _ClassVar[int]
    LOCAL_REGISTRATION_ID_FIELD_NUMBER: _ClassVar[int]
    REMOTE_REGISTRATION_ID_FIELD_NUMBER: _ClassVar[int]
    BASE_KEY_FIELD_NUMBER: _ClassVar[int]
    ROOT_KEY_FIELD_NUMBER: _ClassVar[int]
    RATCHET_PRIVATE_FIELD_NUMBER: _ClassVar[int]
    RATCHET_PUBLIC_FIELD_NUMBER: _ClassVar[int]
    SENDING_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_COUNTER_FIELD_NUMBER: _ClassVar[int]
    RECEIVING_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    local_identity: bytes
    remote_identity: bytes
    local_registration_id: int
    remote_registration_id: int
    base_key: bytes
    root_key: bytes
    ratchet_private: bytes
    ratchet_public: bytes
    sending: Session.SendingChain
    previous_counter: int
    receiving: _containers.RepeatedCompositeFieldContainer[Session.ReceivingChain]
    pending: Session.Pending
    def __init__(self, local_identity: _Optional[bytes] = ..., remote_identity: _Optional[bytes] = ..., local_registration_id: _Optional[int] = ..., remote_registration_id: _Optional[int] = ..., base_key: _Optional[bytes] = ..., root_key: _Optional[bytes] = ..., ratchet_private: _Optional[bytes] = ..., ratchet_public: _Optional[bytes] = ..., sending: _Optional[_Union[Session.SendingChain, _Mapping[str, object]]] = ..., previous_counter: _Optional[int] = ..., receiving: _Optional[_Iterable[_Union[Session.ReceivingChain, _Mapping[str, object]]]] = ..., pending: _Optional[_Union[Session.Pending, _Mapping[str, object]]] = ...) -> None: ...

class SessionRecord(_message.Message):
    __slots__ = ("current", "archived")
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    ARCHIVED_FIELD_NUMBER: _ClassVar[int]
    current: Session
    archived: _containers.RepeatedCompositeFieldContainer[Session]
    def __init__(self, current: _Optional[_Union[Session, _Mapping[str, object]]] = ..., archived: _Optional[_Iterable[_Union[Session, _Mapping[str, object]]]] = ...) -> None: ...

class SenderKeyState(_message.Message):
    __slots__ = ("key_id", "iteration", "chain_key", "signing_public", "signing_private", "skipped")
    class SkippedKey(_message.Message):
        __slots__ = ("iteration", "seed")
        ITERATION_FIELD_NUMBER: _ClassVar[int]
        SEED_FIELD_NUMBER: _ClassVar[int]
        iteration: int
        seed: bytes
        def __init__(self, iteration: _Optional[int] = ..., seed: _Optional[bytes] = ...) -> None: ...
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    ITERATION_FIELD_NUMBER: _ClassVar[int]
    CHAIN_KEY_FIELD_NUMBER: _ClassVar[int]
    SIGNING_PUBLIC_FIELD_NUMBER: _ClassVar[int]
    SIGNING_PRIVATE_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    key_id: int
    iteration: int
    chain_key: bytes
    signing_public: bytes
    signing_private: bytes
    skipped: _containers.RepeatedCompositeFieldContainer[SenderKeyState.SkippedKey]
    def __init__(self, key_id: _Optional[int] = ..., iteration: _Optional[int] = ..., chain_key: _Optional[bytes] = ..., signing_public: _Optional[bytes] = ..., signing_private: _Optional[bytes] = ..., skipped: _Optional[_Iterable[_Union[SenderKeyState.SkippedKey, _Mapping[str, object]]]] = ...) -> None: ...

class SenderKeyRecord(_message.Message):
    __slots__ = ("states",)
    STATES_FIELD_NUMBER: _ClassVar[int]
    states: _containers.RepeatedCompositeFieldContainer[SenderKeyState]
    def __init__(self, states: _Optional[_Iterable[_Union[SenderKeyState, _Mapping[str, object]]]] = ...) -> None: ...

class PreKey(_message.Message):
    __slots__ = ("private", "public", "reserved")
    PRIVATE_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    private: bytes
    public: bytes
    reserved: bool
    def __init__(self, private: _Optional[bytes] = ..., public: _Optional[bytes] = ..., reserved: bool = ...) -> None: ...

class SignedPreKey(_message.Message):
    __slots__ = ("private", "public", "signature", "created_at")
    PRIVATE_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    private: bytes
    public: bytes
    signature: bytes
    created_at: int
    def __init__(self, private: _Optional[bytes] = ..., public: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., created_at: _Optional[int] = ...) -> None: ...

class PreKeyCounters(_message.Message):
    __slots__ = ("next_id", "next_upload_id", "signed_id")
    NEXT_ID_FIELD_NUMBER: _ClassVar[int]
    NEXT_UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNED_ID_FIELD_NUMBER: _ClassVar[int]
    next_id: int
    next_upload_id: int
    signed_id: int
    def __init__(self, next_id: _Optional[int] = ..., next_upload_id: _Optional[int] = ..., signed_id: _Optional[int] = ...) -> None: ...
