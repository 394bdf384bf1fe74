"""Plan to image: what carries a plan out."""
