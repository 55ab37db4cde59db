"""The terminal itself: who asks, in which language, what is printed and what is asked."""
