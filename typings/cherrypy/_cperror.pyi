_ie_friendly_error_sizes: dict[int, int]
