from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MessageKey(_message.Message):
    __slots__ = ("remote_jid", "from_me", "id", "participant")
    REMOTE_JID_FIELD_NUMBER: _ClassVar[int]
    FROM_ME_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    remote_jid: str
    from_me: bool
    id: str
    participant: str
    def __init__(self, remote_jid: _Optional[str] = ..., from_me: bool = ..., id: _Optional[str] = ..., participant: _Optional[str] = ...) -> None: ...

class Wrapper(_message.Message):
    __slots__ = ("message",)
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    message: Message
    def __init__(self, message: _Optional[_Union[Message, _Mapping[str, object]]] = ...) -> None: ...

class Message(_message.Message):
    __slots__ = ("conversation", "sender_key_distribution_message", "image_message", "contact_message", "location_message", "extended_text_message", "document_message", "audio_message", "video_message", "protocol_message", "contacts_array_message", "live_location_message", "sticker_message", "group_invite_message", "device_sent_message", "message_context_info", "view_once_message", "ephemeral_message", "reaction_message", "poll_creation_message", "poll_update_message", "document_with_caption_message", "view_once_message_v2", "encrypted_reaction_message", "edited_message", "view_once_message_v2_extension", "poll_creation_message_v2", "group_mentioned_message", "poll_creation_message_v3", "ptv_message", "lottie_sticker_message", "poll_creation_message_v4", "poll_creation_message_v5")
    CONVERSATION_FIELD_NUMBER: _ClassVar[int]
    SENDER_KEY_DISTRIBUTION_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    IMAGE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CONTACT_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    EXTENDED_TEXT_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    AUDIO_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    VIDEO_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CONTACTS_ARRAY_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    LIVE_LOCATION_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    STICKER_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    GROUP_INVITE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_SENT_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    VIEW_ONCE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    EPHEMERAL_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REACTION_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    POLL_CREATION_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    POLL_UPDATE_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_WITH_CAPTION_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    VIEW_ONCE_MESSAGE_V2_FIELD_NUMBER: _ClassVar[int]
    ENCRYPTED_REACTION_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    EDITED_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    VIEW_ONCE_MESSAGE_V2_EXTENSION_FIELD_NUMBER: _ClassVar[int]
    POLL_CREATION_MESSAGE_V2_FIELD_NUMBER: _ClassVar[int]
    GROUP_MENTIONED_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    POLL_CREATION_MESSAGE_V3_FIELD_NUMBER: _ClassVar[int]
    PTV_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    LOTTIE_STICKER_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    POLL_CREATION_MESSAGE_V4_FIELD_NUMBER: _ClassVar[int]
    POLL_CREATION_MESSAGE_V5_FIELD_NUMBER: _ClassVar[int]
    conversation: str
    sender_key_distribution_message: SenderKeyDistribution
    image_message: ImageMessage
    contact_message: ContactMessage
    location_message: LocationMessage
    extended_text_message: ExtendedTextMessage
    document_message: DocumentMessage
    audio_message: AudioMessage
    video_message: VideoMessage
    protocol_message: ProtocolMessage
    contacts_array_message: ContactsArrayMessage
    live_location_message: LiveLocationMessage
    sticker_message: StickerMessage
    group_invite_message: GroupInviteMessage
    device_sent_message: DeviceSentMessage
    message_context_info: MessageContextInfo
    view_once_message: Wrapper
    ephemeral_message: Wrapper
    reaction_message: ReactionMessage
    poll_creation_message: PollCreationMessage
    poll_update_message: PollUpdateMessage
    document_with_caption_message: Wrapper
    view_once_message_v2: Wrapper
    encrypted_reaction_message: EncryptedReactionMessage
    edited_message: Wrapper
    view_once_message_v2_extension: Wrapper
    poll_creation_message_v2: PollCreationMessage
    group_mentioned_message: Wrapper
    poll_creation_message_v3: PollCreationMessage
    ptv_message: VideoMessage
    lottie_sticker_message: Wrapper
    poll_creation_message_v4: Wrapper
    poll_creation_message_v5: PollCreationMessage
    def __init__(self, conversation: _Optional[str] = ..., sender_key_distribution_message: _Optional[_Union[SenderKeyDistribution, _Mapping[str, object]]] = ..., image_message: _Optional[_Union[ImageMessage, _Mapping[str, object]]] = ..., contact_message: _Optional[_Union[ContactMessage, _Mapping[str, object]]] = ..., location_message: _Optional[_Union[LocationMessage, _Mapping[str, object]]] = ..., extended_text_message: _Optional[_Union[ExtendedTextMessage, _Mapping[str, object]]] = ..., document_message: _Optional[_Union[DocumentMessage, _Mapping[str, object]]] = ..., audio_message: _Optional[_Union[AudioMessage, _Mapping[str, object]]] = ..., video_message: _Optional[_Union[VideoMessage, _Mapping[str, object]]] = ..., protocol_message: _Optional[_Union[ProtocolMessage, _Mapping[str, object]]] = ..., contacts_array_message: _Optional[_Union[ContactsArrayMessage, _Mapping[str, object]]] = ..., live_location_message: _Optional[_Union[LiveLocationMessage, _Mapping[str, object]]] = ..., sticker_message: _Optional[_Union[StickerMessage, _Mapping[str, object]]] = ..., group_invite_message: _Optional[_Union[GroupInviteMessage, _Mapping[str, object]]] = ..., device_sent_message: _Optional[_Union[DeviceSentMessage, _Mapping[str, object]]] = ..., message_context_info: _Optional[_Union[MessageContextInfo, _Mapping[str, object]]] = ..., view_once_message: _Optional[_Union[Wrapper, _Mapping[str, object]]] = ..., ephemeral_message: _Optional[_Union[Wrapper, _Mapping[str, object]]] = ..., reaction_message: _Optional[_Union[ReactionMessage, _Mapping[str, object]]] = ..., poll_creation_message: _Optional[_Union[PollCreationMessage, _Mapping[str, object]]] = ..., poll_update_message: _Optional[_Union[PollUpdateMessage, _Mapping[str, object]]] = ..., document_with_caption_message: _Optional[_Union[Wrapper, _Mapping[str, object]]] = ..., view_once_message_v2: _Optional[_Union[Wrapper, _Mapping[str, object]]] = ..., encrypted_reaction_message: _Optional[_Union[EncryptedReactionMessage, _Mapping[str, object]]] = ..., edited_message: _Optional[_Union[Wrapper, _Mapping[str, object]]] = ..., view_once_message_v2_extension: _Optional[_Union[Wrapper, _Mapping[str, object]]] = ..., poll_creation_message_v2: _Optional[_Union[PollCreationMessage, _Mapping[str, object]]] = ..., group_mentioned_message: _Optional[_Union[Wrapper, _Mapping[str, object]]] = ..., poll_creation_message_v3: _Optional[_Union[PollCreationMessage, _Mapping[str, object]]] = ..., ptv_message: _Optional[_Union[VideoMessage, _Mapping[str, object]]] = ..., lottie_sticker_message: _Optional[_Union[Wrapper, _Mapping[str, object]]] = ..., poll_creation_message_v4: _Optional[_Union[Wrapper, _Mapping[str, object]]] = ..., poll_creation_message_v5: _Optional[_Union[PollCreationMessage, _Mapping[str, object]]] = ...) -> None: ...

class SenderKeyDistribution(_message.Message):
    __slots__ = ("group_id", "axolotl_sender_key_distribution_message")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    AXOLOTL_SENDER_KEY_DISTRIBUTION_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    group_id: str
    axolotl_sender_key_distribution_message: bytes
    def __init__(self, group_id: _Optional[str] = ..., axolotl_sender_key_distribution_message: _Optional[bytes] = ...) -> None: ...

class ExtendedTextMessage(_message.Message):
    __slots__ = ("text", "matched_text", "description", "title", "jpeg_thumbnail", "context_info")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    MATCHED_TEXT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    JPEG_THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    text: str
    matched_text: str
    description: str
    title: str
    jpeg_thumbnail: bytes
    context_info: ContextInfo
    def __init__(self, text: _Optional[str] = ..., matched_text: _Optional[str] = ..., description: _Optional[str] = ..., title: _Optional[str] = ..., jpeg_thumbnail: _Optional[bytes] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping[str, object]]] = ...) -> None: ...

class ContextInfo(_message.Message):
    __slots__ = ("stanza_id", "participant", "quoted_message", "remote_jid", "mentioned_jid", "forwarding_score", "is_forwarded", "expiration", "ephemeral_setting_timestamp")
    STANZA_ID_FIELD_NUMBER: _ClassVar[int]
    PARTICIPANT_FIELD_NUMBER: _ClassVar[int]
    QUOTED_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REMOTE_JID_FIELD_NUMBER: _ClassVar[int]
    MENTIONED_JID_FIELD_NUMBER: _ClassVar[int]
    FORWARDING_SCORE_FIELD_NUMBER: _ClassVar[int]
    IS_FORWARDED_FIELD_NUMBER: _ClassVar[int]
    EXPIRATION_FIELD_NUMBER: _ClassVar[int]
    EPHEMERAL_SETTING_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    stanza_id: str
    participant: str
    quoted_message: Message
    remote_jid: str
    mentioned_jid: _containers.RepeatedScalarFieldContainer[str]
    forwarding_score: int
    is_forwarded: bool
    expiration: int
    ephemeral_setting_timestamp: int
    def __init__(self, stanza_id: _Optional[str] = ..., participant: _Optional[str] = ..., quoted_message: _Optional[_Union[Message, _Mapping[str, object]]] = ..., remote_jid: _Optional[str] = ..., mentioned_jid: _Optional[_Iterable[str]] = ..., forwarding_score: _Optional[int] = ..., is_forwarded: bool = ..., expiration: _Optional[int] = ..., ephemeral_setting_timestamp: _Optional[int] = ...) -> None: ...

class MessageContextInfo(_message.Message):
    __slots__ = ("device_list_metadata", "device_list_metadata_version", "message_secret", "reporting_token_version")
    DEVICE_LIST_METADATA_FIELD_NUMBER: _ClassVar[int]
    DEVICE_LIST_METADATA_VERSION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_SECRET_FIELD_NUMBER: _ClassVar[int]
    REPORTING_TOKEN_VERSION_FIELD_NUMBER: _ClassVar[int]
    device_list_metadata: DeviceListMetadata
    device_list_metadata_version: int
    message_secret: bytes
    reporting_token_version: int
    def __init__(self, device_list_metadata: _Optional[_Union[DeviceListMetadata, _Mapping[str, object]]] = ..., device_list_metadata_version: _Optional[int] = ..., message_secret: _Optional[bytes] = ..., reporting_token_version: _Optional[int] = ...) -> None: ...

class DeviceListMetadata(_message.Message):
    __slots__ = ("sender_key_hash", "sender_timestamp", "sender_key_indexes", "sender_account_type", "receiver_account_type", "recipient_key_hash", "recipient_timestamp", "recipient_key_indexes")
    SENDER_KEY_HASH_FIELD_NUMBER: _ClassVar[int]
    SENDER_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    SENDER_KEY_INDEXES_FIELD_NUMBER: _ClassVar[int]
    SENDER_ACCOUNT_TYPE_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_ACCOUNT_TYPE_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_KEY_HASH_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_KEY_INDEXES_FIELD_NUMBER: _ClassVar[int]
    sender_key_hash: bytes
    sender_timestamp: int
    sender_key_indexes: _containers.RepeatedScalarFieldContainer[int]
    sender_account_type: int
    receiver_account_type: int
    recipient_key_hash: bytes
    recipient_timestamp: int
    recipient_key_indexes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, sender_key_hash: _Optional[bytes] = ..., sender_timestamp: _Optional[int] = ..., sender_key_indexes: _Optional[_Iterable[int]] = ..., sender_account_type: _Optional[int] = ..., receiver_account_type: _Optional[int] = ..., recipient_key_hash: _Optional[bytes] = ..., recipient_timestamp: _Optional[int] = ..., recipient_key_indexes: _Optional[_Iterable[int]] = ...) -> None: ...

class DeviceSentMessage(_message.Message):
    __slots__ = ("destination_jid", "message", "phash")
    DESTINATION_JID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PHASH_FIELD_NUMBER: _ClassVar[int]
    destination_jid: str
    message: Message
    phash: str
    def __init__(self, destination_jid: _Optional[str] = ..., message: _Optional[_Union[Message, _Mapping[str, object]]] = ..., phash: _Optional[str] = ...) -> None: ...

class ReactionMessage(_message.Message):
    __slots__ = ("key", "text", "grouping_key", "sender_timestamp_ms")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    GROUPING_KEY_FIELD_NUMBER: _ClassVar[int]
    SENDER_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    key: MessageKey
    text: str
    grouping_key: str
    sender_timestamp_ms: int
    def __init__(self, key: _Optional[_Union[MessageKey, _Mapping[str, object]]] = ..., text: _Optional[str] = ..., grouping_key: _Optional[str] = ..., sender_timestamp_ms: _Optional[int] = ...) -> None: ...

class EncryptedReactionMessage(_message.Message):
    __slots__ = ("target_message_key", "enc_payload", "enc_iv")
    TARGET_MESSAGE_KEY_FIELD_NUMBER: _ClassVar[int]
    ENC_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    ENC_IV_FIELD_NUMBER: _ClassVar[int]
    target_message_key: MessageKey
    enc_payload: bytes
    enc_iv: bytes
    def __init__(self, target_message_key: _Optional[_Union[MessageKey, _Mapping[str, object]]] = ..., enc_payload: _Optional[bytes] = ..., enc_iv: _Optional[bytes] = ...) -> None: ...

class ContactMessage(_message.Message):
    __slots__ = ("display_name", "vcard", "context_info")
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    VCARD_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    display_name: str
    vcard: str
    context_info: ContextInfo
    def __init__(self, display_name: _Optional[str] = ..., vcard: _Optional[str] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping[str, object]]] = ...) -> None: ...

class ContactsArrayMessage(_message.Message):
    __slots__ = ("display_name", "contacts", "context_info")
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    CONTACTS_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    display_name: str
    contacts: _containers.RepeatedCompositeFieldContainer[ContactMessage]
    context_info: ContextInfo
    def __init__(self, display_name: _Optional[str] = ..., contacts: _Optional[_Iterable[_Union[ContactMessage, _Mapping[str, object]]]] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping[str, object]]] = ...) -> None: ...

class LocationMessage(_message.Message):
    __slots__ = ("degrees_latitude", "degrees_longitude", "name", "address", "url", "is_live", "accuracy_in_meters", "speed_in_mps", "degrees_clockwise_from_magnetic_north", "comment", "jpeg_thumbnail", "context_info")
    DEGREES_LATITUDE_FIELD_NUMBER: _ClassVar[int]
    DEGREES_LONGITUDE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    IS_LIVE_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_IN_METERS_FIELD_NUMBER: _ClassVar[int]
    SPEED_IN_MPS_FIELD_NUMBER: _ClassVar[int]
    DEGREES_CLOCKWISE_FROM_MAGNETIC_NORTH_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    JPEG_THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    degrees_latitude: float
    degrees_longitude: float
    name: str
    address: str
    url: str
    is_live: bool
    accuracy_in_meters: int
    speed_in_mps: float
    degrees_clockwise_from_magnetic_north: int
    comment: str
    jpeg_thumbnail: bytes
    context_info: ContextInfo
    def __init__(self, degrees_latitude: _Optional[float] = ..., degrees_longitude: _Optional[float] = ..., name: _Optional[str] = ..., address: _Optional[str] = ..., url: _Optional[str] = ..., is_live: bool = ..., accuracy_in_meters: _Optional[int] = ..., speed_in_mps: _Optional[float] = ..., degrees_clockwise_from_magnetic_north: _Optional[int] = ..., comment: _Optional[str] = ..., jpeg_thumbnail: _Optional[bytes] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping[str, object]]] = ...) -> None: ...

class LiveLocationMessage(_message.Message):
    __slots__ = ("degrees_latitude", "degrees_longitude", "accuracy_in_meters", "speed_in_mps", "degrees_clockwise_from_magnetic_north", "caption", "sequence_number", "time_offset", "jpeg_thumbnail", "context_info")
    DEGREES_LATITUDE_FIELD_NUMBER: _ClassVar[int]
    DEGREES_LONGITUDE_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_IN_METERS_FIELD_NUMBER: _ClassVar[int]
    SPEED_IN_MPS_FIELD_NUMBER: _ClassVar[int]
    DEGREES_CLOCKWISE_FROM_MAGNETIC_NORTH_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    TIME_OFFSET_FIELD_NUMBER: _ClassVar[int]
    JPEG_THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    degrees_latitude: float
    degrees_longitude: float
    accuracy_in_meters: int
    speed_in_mps: float
    degrees_clockwise_from_magnetic_north: int
    caption: str
    sequence_number: int
    time_offset: int
    jpeg_thumbnail: bytes
    context_info: ContextInfo
    def __init__(self, degrees_latitude: _Optional[float] = ..., degrees_longitude: _Optional[float] = ..., accuracy_in_meters: _Optional[int] = ..., speed_in_mps: _Optional[float] = ..., degrees_clockwise_from_magnetic_north: _Optional[int] = ..., caption: _Optional[str] = ..., sequence_number: _Optional[int] = ..., time_offset: _Optional[int] = ..., jpeg_thumbnail: _Optional[bytes] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping[str, object]]] = ...) -> None: ...

class ImageMessage(_message.Message):
    __slots__ = ("url", "mimetype", "caption", "file_sha256", "file_length", "height", "width", "media_key", "file_enc_sha256", "direct_path", "media_key_timestamp", "jpeg_thumbnail", "context_info", "view_once")
    URL_FIELD_NUMBER: _ClassVar[int]
    MIMETYPE_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    FILE_SHA256_FIELD_NUMBER: _ClassVar[int]
    FILE_LENGTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_FIELD_NUMBER: _ClassVar[int]
    FILE_ENC_SHA256_FIELD_NUMBER: _ClassVar[int]
    DIRECT_PATH_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    JPEG_THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    VIEW_ONCE_FIELD_NUMBER: _ClassVar[int]
    url: str
    mimetype: str
    caption: str
    file_sha256: bytes
    file_length: int
    height: int
    width: int
    media_key: bytes
    file_enc_sha256: bytes
    direct_path: str
    media_key_timestamp: int
    jpeg_thumbnail: bytes
    context_info: ContextInfo
    view_once: bool
    def __init__(self, url: _Optional[str] = ..., mimetype: _Optional[str] = ..., caption: _Optional[str] = ..., file_sha256: _Optional[bytes] = ..., file_length: _Optional[int] = ..., height: _Optional[int] = ..., width: _Optional[int] = ..., media_key: _Optional[bytes] = ..., file_enc_sha256: _Optional[bytes] = ..., direct_path: _Optional[str] = ..., media_key_timestamp: _Optional[int] = ..., jpeg_thumbnail: _Optional[bytes] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping[str, object]]] = ..., view_once: bool = ...) -> None: ...

class VideoMessage(_message.Message):
    __slots__ = ("url", "mimetype", "file_sha256", "file_length", "seconds", "media_key", "caption", "gif_playback", "height", "width", "file_enc_sha256", "direct_path", "media_key_timestamp", "jpeg_thumbnail", "context_info", "view_once")
    URL_FIELD_NUMBER: _ClassVar[int]
    MIMETYPE_FIELD_NUMBER: _ClassVar[int]
    FILE_SHA256_FIELD_NUMBER: _ClassVar[int]
    FILE_LENGTH_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    GIF_PLAYBACK_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    FILE_ENC_SHA256_FIELD_NUMBER: _ClassVar[int]
    DIRECT_PATH_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    JPEG_THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    VIEW_ONCE_FIELD_NUMBER: _ClassVar[int]
    url: str
    mimetype: str
    file_sha256: bytes
    file_length: int
    seconds: int
    media_key: bytes
    caption: str
    gif_playback: bool
    height: int
    width: int
    file_enc_sha256: bytes
    direct_path: str
    media_key_timestamp: int
    jpeg_thumbnail: bytes
    context_info: ContextInfo
    view_once: bool
    def __init__(self, url: _Optional[str] = ..., mimetype: _Optional[str] = ..., file_sha256: _Optional[bytes] = ..., file_length: _Optional[int] = ..., seconds: _Optional[int] = ..., media_key: _Optional[bytes] = ..., caption: _Optional[str] = ..., gif_playback: bool = ..., height: _Optional[int] = ..., width: _Optional[int] = ..., file_enc_sha256: _Optional[bytes] = ..., direct_path: _Optional[str] = ..., media_key_timestamp: _Optional[int] = ..., jpeg_thumbnail: _Optional[bytes] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping[str, object]]] = ..., view_once: bool = ...) -> None: ...

class AudioMessage(_message.Message):
    __slots__ = ("url", "mimetype", "file_sha256", "file_length", "seconds", "ptt", "media_key", "file_enc_sha256", "direct_path", "media_key_timestamp", "context_info", "waveform", "view_once")
    URL_FIELD_NUMBER: _ClassVar[int]
    MIMETYPE_FIELD_NUMBER: _ClassVar[int]
    FILE_SHA256_FIELD_NUMBER: _ClassVar[int]
    FILE_LENGTH_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    PTT_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_FIELD_NUMBER: _ClassVar[int]
    FILE_ENC_SHA256_FIELD_NUMBER: _ClassVar[int]
    DIRECT_PATH_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    WAVEFORM_FIELD_NUMBER: _ClassVar[int]
    VIEW_ONCE_FIELD_NUMBER: _ClassVar[int]
    url: str
    mimetype: str
    file_sha256: bytes
    file_length: int
    seconds: int
    ptt: bool
    media_key: bytes
    file_enc_sha256: bytes
    direct_path: str
    media_key_timestamp: int
    context_info: ContextInfo
    waveform: bytes
    view_once: bool
    def __init__(self, url: _Optional[str] = ..., mimetype: _Optional[str] = ..., file_sha256: _Optional[bytes] = ..., file_length: _Optional[int] = ..., seconds: _Optional[int] = ..., ptt: bool = ..., media_key: _Optional[bytes] = ..., file_enc_sha256: _Optional[bytes] = ..., direct_path: _Optional[str] = ..., media_key_timestamp: _Optional[int] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping[str, object]]] = ..., waveform: _Optional[bytes] = ..., view_once: bool = ...) -> None: ...

class DocumentMessage(_message.Message):
    __slots__ = ("url", "mimetype", "title", "file_sha256", "file_length", "page_count", "media_key", "file_name", "file_enc_sha256", "direct_path", "media_key_timestamp", "jpeg_thumbnail", "context_info", "caption")
    URL_FIELD_NUMBER: _ClassVar[int]
    MIMETYPE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    FILE_SHA256_FIELD_NUMBER: _ClassVar[int]
    FILE_LENGTH_FIELD_NUMBER: _ClassVar[int]
    PAGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_FIELD_NUMBER: _ClassVar[int]
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    FILE_ENC_SHA256_FIELD_NUMBER: _ClassVar[int]
    DIRECT_PATH_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    JPEG_THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    url: str
    mimetype: str
    title: str
    file_sha256: bytes
    file_length: int
    page_count: int
    media_key: bytes
    file_name: str
    file_enc_sha256: bytes
    direct_path: str
    media_key_timestamp: int
    jpeg_thumbnail: bytes
    context_info: ContextInfo
    caption: str
    def __init__(self, url: _Optional[str] = ..., mimetype: _Optional[str] = ..., title: _Optional[str] = ..., file_sha256: _Optional[bytes] = ..., file_length: _Optional[int] = ..., page_count: _Optional[int] = ..., media_key: _Optional[bytes] = ..., file_name: _Optional[str] = ..., file_enc_sha256: _Optional[bytes] = ..., direct_path: _Optional[str] = ..., media_key_timestamp: _Optional[int] = ..., jpeg_thumbnail: _Optional[bytes] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping[str, object]]] = ..., caption: _Optional[str] = ...) -> None: ...

class StickerMessage(_message.Message):
    __slots__ = ("url", "file_sha256", "file_enc_sha256", "media_key", "mimetype", "height", "width", "direct_path", "file_length", "media_key_timestamp", "is_animated", "png_thumbnail", "context_info")
    URL_FIELD_NUMBER: _ClassVar[int]
    FILE_SHA256_FIELD_NUMBER: _ClassVar[int]
    FILE_ENC_SHA256_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_FIELD_NUMBER: _ClassVar[int]
    MIMETYPE_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    DIRECT_PATH_FIELD_NUMBER: _ClassVar[int]
    FILE_LENGTH_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    IS_ANIMATED_FIELD_NUMBER: _ClassVar[int]
    PNG_THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    url: str
    file_sha256: bytes
    file_enc_sha256: bytes
    media_key: bytes
    mimetype: str
    height: int
    width: int
    direct_path: str
    file_length: int
    media_key_timestamp: int
    is_animated: bool
    png_thumbnail: bytes
    context_info: ContextInfo
    def __init__(self, url: _Optional[str] = ..., file_sha256: _Optional[bytes] = ..., file_enc_sha256: _Optional[bytes] = ..., media_key: _Optional[bytes] = ..., mimetype: _Optional[str] = ..., height: _Optional[int] = ..., width: _Optional[int] = ..., direct_path: _Optional[str] = ..., file_length: _Optional[int] = ..., media_key_timestamp: _Optional[int] = ..., is_animated: bool = ..., png_thumbnail: _Optional[bytes] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping[str, object]]] = ...) -> None: ...

class GroupInviteMessage(_message.Message):
    __slots__ = ("group_jid", "invite_code", "invite_expiration", "group_name", "jpeg_thumbnail", "caption", "context_info")
    GROUP_JID_FIELD_NUMBER: _ClassVar[int]
    INVITE_CODE_FIELD_NUMBER: _ClassVar[int]
    INVITE_EXPIRATION_FIELD_NUMBER: _ClassVar[int]
    GROUP_NAME_FIELD_NUMBER: _ClassVar[int]
    JPEG_THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    CAPTION_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    group_jid: str
    invite_code: str
    invite_expiration: int
    group_name: str
    jpeg_thumbnail: bytes
    caption: str
    context_info: ContextInfo
    def __init__(self, group_jid: _Optional[str] = ..., invite_code: _Optional[str] = ..., invite_expiration: _Optional[int] = ..., group_name: _Optional[str] = ..., jpeg_thumbnail: _Optional[bytes] = ..., caption: _Optional[str] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping[str, object]]] = ...) -> None: ...

class PollCreationMessage(_message.Message):
    __slots__ = ("enc_key", "name", "options", "selectable_options_count", "context_info")
    class Option(_message.Message):
        __slots__ = ("option_name", "option_hash")
        OPTION_NAME_FIELD_NUMBER: _ClassVar[int]
        OPTION_HASH_FIELD_NUMBER: _ClassVar[int]
        option_name: str
        option_hash: str
        def __init__(self, option_name: _Optional[str] = ..., option_hash: _Optional[str] = ...) -> None: ...
    ENC_KEY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    SELECTABLE_OPTIONS_COUNT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_INFO_FIELD_NUMBER: _ClassVar[int]
    enc_key: bytes
    name: str
    options: _containers.RepeatedCompositeFieldContainer[PollCreationMessage.Option]
    selectable_options_count: int
    context_info: ContextInfo
    def __init__(self, enc_key: _Optional[bytes] = ..., name: _Optional[str] = ..., options: _Optional[_Iterable[_Union[PollCreationMessage.Option, _Mapping[str, object]]]] = ..., selectable_options_count: _Optional[int] = ..., context_info: _Optional[_Union[ContextInfo, _Mapping[str, object]]] = ...) -> None: ...

class PollUpdateMessage(_message.Message):
    __slots__ = ("poll_creation_message_key", "vote", "sender_timestamp_ms")
    class EncryptedVote(_message.Message):
        __slots__ = ("enc_payload", "enc_iv")
        ENC_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
        ENC_IV_FIELD_NUMBER: _ClassVar[int]
        enc_payload: bytes
        enc_iv: bytes
        def __init__(self, enc_payload: _Optional[bytes] = ..., enc_iv: _Optional[bytes] = ...) -> None: ...
    POLL_CREATION_MESSAGE_KEY_FIELD_NUMBER: _ClassVar[int]
    VOTE_FIELD_NUMBER: _ClassVar[int]
    SENDER_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    poll_creation_message_key: MessageKey
    vote: PollUpdateMessage.EncryptedVote
    sender_timestamp_ms: int
    def __init__(self, poll_creation_message_key: _Optional[_Union[MessageKey, _Mapping[str, object]]] = ..., vote: _Optional[_Union[PollUpdateMessage.EncryptedVote, _Mapping[str, object]]] = ..., sender_timestamp_ms: _Optional[int] = ...) -> None: ...

class ProtocolMessage(_message.Message):
    __slots__ = ("key", "type", "ephemeral_expiration", "ephemeral_setting_timestamp", "history_sync_notification", "app_state_sync_key_share", "edited_message", "timestamp_ms", "peer_data_operation_request", "peer_data_operation_response", "lid_migration_mapping_sync")
    class Type(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        REVOKE: _ClassVar[ProtocolMessage.Type]
        EPHEMERAL_SETTING: _ClassVar[ProtocolMessage.Type]
        EPHEMERAL_SYNC_RESPONSE: _ClassVar[ProtocolMessage.Type]
        HISTORY_SYNC_NOTIFICATION: _ClassVar[ProtocolMessage.Type]
        APP_STATE_SYNC_KEY_SHARE: _ClassVar[ProtocolMessage.Type]
        APP_STATE_SYNC_KEY_REQUEST: _ClassVar[ProtocolMessage.Type]
        INITIAL_SECURITY_NOTIFICATION_SETTING_SYNC: _ClassVar[ProtocolMessage.Type]
        APP_STATE_FATAL_EXCEPTION_NOTIFICATION: _ClassVar[ProtocolMessage.Type]
        SHARE_PHONE_NUMBER: _ClassVar[ProtocolMessage.Type]
        MESSAGE_EDIT: _ClassVar[ProtocolMessage.Type]
        PEER_DATA_OPERATION_REQUEST: _ClassVar[ProtocolMessage.Type]
        PEER_DATA_OPERATION_RESPONSE: _ClassVar[ProtocolMessage.Type]
        LID_MIGRATION_MAPPING_SYNC: _ClassVar[ProtocolMessage.Type]
    REVOKE: ProtocolMessage.Type
    EPHEMERAL_SETTING: ProtocolMessage.Type
    EPHEMERAL_SYNC_RESPONSE: ProtocolMessage.Type
    HISTORY_SYNC_NOTIFICATION: ProtocolMessage.Type
    APP_STATE_SYNC_KEY_SHARE: ProtocolMessage.Type
    APP_STATE_SYNC_KEY_REQUEST: ProtocolMessage.Type
    INITIAL_SECURITY_NOTIFICATION_SETTING_SYNC: ProtocolMessage.Type
    APP_STATE_FATAL_EXCEPTION_NOTIFICATION: ProtocolMessage.Type
    SHARE_PHONE_NUMBER: ProtocolMessage.Type
    MESSAGE_EDIT: ProtocolMessage.Type
    PEER_DATA_OPERATION_REQUEST: ProtocolMessage.Type
    PEER_DATA_OPERATION_RESPONSE: ProtocolMessage.Type
    LID_MIGRATION_MAPPING_SYNC: ProtocolMessage.Type
    KEY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    EPHEMERAL_EXPIRATION_FIELD_NUMBER: _ClassVar[int]
    EPHEMERAL_SETTING_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    HISTORY_SYNC_NOTIFICATION_FIELD_NUMBER: _ClassVar[int]
    APP_STATE_SYNC_KEY_SHARE_FIELD_NUMBER: _ClassVar[int]
    EDITED_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    PEER_DATA_OPERATION_REQUEST_FIELD_NUMBER: _ClassVar[int]
    PEER_DATA_OPERATION_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    LID_MIGRATION_MAPPING_SYNC_FIELD_NUMBER: _ClassVar[int]
    key: MessageKey
    type: ProtocolMessage.Type
    ephemeral_expiration: int
    ephemeral_setting_timestamp: int
    history_sync_notification: HistorySyncNotification
    app_state_sync_key_share: AppStateSyncKeyShare
    edited_message: Message
    timestamp_ms: int
    peer_data_operation_request: PeerDataOperationRequest
    peer_data_operation_response: PeerDataOperationResponse
    lid_migration_mapping_sync: LidMigrationMappingSync
    def __init__(self, key: _Optional[_Union[MessageKey, _Mapping[str, object]]] = ..., type: _Optional[_Union[ProtocolMessage.Type, str]] = ..., ephemeral_expiration: _Optional[int] = ..., ephemeral_setting_timestamp: _Optional[int] = ..., history_sync_notification: _Optional[_Union[HistorySyncNotification, _Mapping[str, object]]] = ..., app_state_sync_key_share: _Optional[_Union[AppStateSyncKeyShare, _Mapping[str, object]]] = ..., edited_message: _Optional[_Union[Message, _Mapping[str, object]]] = ..., timestamp_ms: _Optional[int] = ..., peer_data_operation_request: _Optional[_Union[PeerDataOperationRequest, _Mapping[str, object]]] = ..., peer_data_operation_response: _Optional[_Union[PeerDataOperationResponse, _Mapping[str, object]]] = ..., lid_migration_mapping_sync: _Optional[_Union[LidMigrationMappingSync, _Mapping[str, object]]] = ...) -> None: ...

class PeerDataOperationRequest(_message.Message):
    __slots__ = ("type", "placeholder_message_resend")
    class PlaceholderMessageResend(_message.Message):
        __slots__ = ("message_key",)
        MESSAGE_KEY_FIELD_NUMBER: _ClassVar[int]
        message_key: MessageKey
        def __init__(self, message_key: _Optional[_Union[MessageKey, _Mapping[str, object]]] = ...) -> None: ...
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PLACEHOLDER_MESSAGE_RESEND_FIELD_NUMBER: _ClassVar[int]
    type: int
    placeholder_message_resend: _containers.RepeatedCompositeFieldContainer[PeerDataOperationRequest.PlaceholderMessageResend]
    def __init__(self, type: _Optional[int] = ..., placeholder_message_resend: _Optional[_Iterable[_Union[PeerDataOperationRequest.PlaceholderMessageResend, _Mapping[str, object]]]] = ...) -> None: ...

class PeerDataOperationResponse(_message.Message):
    __slots__ = ("type", "stanza_id")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    STANZA_ID_FIELD_NUMBER: _ClassVar[int]
    type: int
    stanza_id: str
    def __init__(self, type: _Optional[int] = ..., stanza_id: _Optional[str] = ...) -> None: ...

class HistorySyncNotification(_message.Message):
    __slots__ = ("file_sha256", "file_length", "media_key", "file_enc_sha256", "direct_path", "sync_type", "chunk_order", "original_message_id", "progress", "initial_hist_bootstrap_inline_payload")
    FILE_SHA256_FIELD_NUMBER: _ClassVar[int]
    FILE_LENGTH_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KEY_FIELD_NUMBER: _ClassVar[int]
    FILE_ENC_SHA256_FIELD_NUMBER: _ClassVar[int]
    DIRECT_PATH_FIELD_NUMBER: _ClassVar[int]
    SYNC_TYPE_FIELD_NUMBER: _ClassVar[int]
    CHUNK_ORDER_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    INITIAL_HIST_BOOTSTRAP_INLINE_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    file_sha256: bytes
    file_length: int
    media_key: bytes
    file_enc_sha256: bytes
    direct_path: str
    sync_type: int
    chunk_order: int
    original_message_id: str
    progress: int
    initial_hist_bootstrap_inline_payload: bytes
    def __init__(self, file_sha256: _Optional[bytes] = ..., file_length: _Optional[int] = ..., media_key: _Optional[bytes] = ..., file_enc_sha256: _Optional[bytes] = ..., direct_path: _Optional[str] = ..., sync_type: _Optional[int] = ..., chunk_order: _Optional[int] = ..., original_message_id: _Optional[str] = ..., progress: _Optional[int] = ..., initial_hist_bootstrap_inline_payload: _Optional[bytes] = ...) -> None: ...

class AppStateSyncKeyShare(_message.Message):
    __slots__ = ("keys",)
    class KeyId(_message.Message):
        __slots__ = ("key_id",)
        KEY_ID_FIELD_NUMBER: _ClassVar[int]
        key_id: bytes
        def __init__(self, key_id: _Optional[bytes] = ...) -> None: ...
    class Fingerprint(_message.Message):
        __slots__ = ("raw_id", "current_index", "device_indexes")
        RAW_ID_FIELD_NUMBER: _ClassVar[int]
        CURRENT_INDEX_FIELD_NUMBER: _ClassVar[int]
        DEVICE_INDEXES_FIELD_NUMBER: _ClassVar[int]
        raw_id: int
        current_index: int
        device_indexes: _containers.RepeatedScalarFieldContainer[int]
        def __init__(self, raw_id: _Optional[int] = ..., current_index: _Optional[int] = ..., device_indexes: _Optional[_Iterable[int]] = ...) -> None: ...
    class KeyData(_message.Message):
        __slots__ = ("key_data", "fingerprint", "timestamp")
        KEY_DATA_FIELD_NUMBER: _ClassVar[int]
        FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
        TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
        key_data: bytes
        fingerprint: AppStateSyncKeyShare.Fingerprint
        timestamp: int
        def __init__(self, key_data: _Optional[bytes] = ..., fingerprint: _Optional[_Union[AppStateSyncKeyShare.Fingerprint, _Mapping[str, object]]] = ..., timestamp: _Optional[int] = ...) -> None: ...
    class Key(_message.Message):
        __slots__ = ("key_id", "key_data")
        KEY_ID_FIELD_NUMBER: _ClassVar[int]
        KEY_DATA_FIELD_NUMBER: _ClassVar[int]
        key_id: AppStateSyncKeyShare.KeyId
        key_data: AppStateSyncKeyShare.KeyData
        def __init__(self, key_id: _Optional[_Union[AppStateSyncKeyShare.KeyId, _Mapping[str, object]]] = ..., key_data: _Optional[_Union[AppStateSyncKeyShare.KeyData, _Mapping[str, object]]] = ...) -> None: ...
    KEYS_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedCompositeFieldContainer[AppStateSyncKeyShare.Key]
    def __init__(self, keys: _Optional[_Iterable[_Union[AppStateSyncKeyShare.Key, _Mapping[str, object]]]] = ...) -> None: ...

class LidMigrationMappingSync(_message.Message):
    __slots__ = ("encoded_mapping_payload",)
    ENCODED_MAPPING_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    encoded_mapping_payload: bytes
    def __init__(self, encoded_mapping_payload: _Optional[bytes] = ...) -> None: ...

class LidMigrationMappingPayload(_message.Message):
    __slots__ = ("pn_to_lid_mappings", "chat_db_migration_timestamp")
    class Mapping(_message.Message):
        __slots__ = ("pn", "assigned_lid", "latest_lid")
        PN_FIELD_NUMBER: _ClassVar[int]
        ASSIGNED_LID_FIELD_NUMBER: _ClassVar[int]
        LATEST_LID_FIELD_NUMBER: _ClassVar[int]
        pn: int
        assigned_lid: int
        latest_lid: int
        def __init__(self, pn: _Optional[int] = ..., assigned_lid: _Optional[int] = ..., latest_lid: _Optional[int] = ...) -> None: ...
    PN_TO_LID_MAPPINGS_FIELD_NUMBER: _ClassVar[int]
    CHAT_DB_MIGRATION_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    pn_to_lid_mappings: _containers.RepeatedCompositeFieldContainer[LidMigrationMappingPayload.Mapping]
    chat_db_migration_timestamp: int
    def __init__(self, pn_to_lid_mappings: _Optional[_Iterable[_Union[LidMigrationMappingPayload.Mapping, _Mapping[str, object]]]] = ..., chat_db_migration_timestamp: _Optional[int] = ...) -> None: ...

class HistorySync(_message.Message):
    __slots__ = ("sync_type", "conversations", "chunk_order", "progress", "push_names", "phone_number_to_lid_mappings", "nct_salt")
    class Conversation(_message.Message):
        __slots__ = ("id", "tc_token", "tc_token_timestamp", "tc_token_sender_timestamp")
        ID_FIELD_NUMBER: _ClassVar[int]
        TC_TOKEN_FIELD_NUMBER: _ClassVar[int]
        TC_TOKEN_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
        TC_TOKEN_SENDER_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
        id: str
        tc_token: bytes
        tc_token_timestamp: int
        tc_token_sender_timestamp: int
        def __init__(self, id: _Optional[str] = ..., tc_token: _Optional[bytes] = ..., tc_token_timestamp: _Optional[int] = ..., tc_token_sender_timestamp: _Optional[int] = ...) -> None: ...
    class PushName(_message.Message):
        __slots__ = ("id", "push_name")
        ID_FIELD_NUMBER: _ClassVar[int]
        PUSH_NAME_FIELD_NUMBER: _ClassVar[int]
        id: str
        push_name: str
        def __init__(self, id: _Optional[str] = ..., push_name: _Optional[str] = ...) -> None: ...
    class PhoneNumberToLidMapping(_message.Message):
        __slots__ = ("pn_jid", "lid_jid")
        PN_JID_FIELD_NUMBER: _ClassVar[int]
        LID_JID_FIELD_NUMBER: _ClassVar[int]
        pn_jid: str
        lid_jid: str
        def __init__(self, pn_jid: _Optional[str] = ..., lid_jid: _Optional[str] = ...) -> None: ...
    SYNC_TYPE_FIELD_NUMBER: _ClassVar[int]
    CONVERSATIONS_FIELD_NUMBER: _ClassVar[int]
    CHUNK_ORDER_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    PUSH_NAMES_FIELD_NUMBER: _ClassVar[int]
    PHONE_NUMBER_TO_LID_MAPPINGS_FIELD_NUMBER: _ClassVar[int]
    NCT_SALT_FIELD_NUMBER: _ClassVar[int]
    sync_type: int
    conversations: _containers.RepeatedCompositeFieldContainer[HistorySync.Conversation]
    chunk_order: int
    progress: int
    push_names: _containers.RepeatedCompositeFieldContainer[HistorySync.PushName]
    phone_number_to_lid_mappings: _containers.RepeatedCompositeFieldContainer[HistorySync.PhoneNumberToLidMapping]
    nct_salt: bytes
    def __init__(self, sync_type: _Optional[int] = ..., conversations: _Optional[_Iterable[_Union[HistorySync.Conversation, _Mapping[str, object]]]] = ..., chunk_order: _Optional[int] = ..., progress: _Optional[int] = ..., push_names: _Optional[_Iterable[_Union[HistorySync.PushName, _Mapping[str, object]]]] = ..., phone_number_to_lid_mappings: _Optional[_Iterable[_Union[HistorySync.PhoneNumberToLidMapping, _Mapping[str, object]]]] = ..., nct_salt: _Optional[bytes] = ...) -> None: ...
