"""Where the bytes of uploads are kept: a folder of this node, or blobs that all nodes share."""
