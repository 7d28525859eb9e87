"""Servers that speak the OpenAI chat API: asking them much, safely, and never twice."""
