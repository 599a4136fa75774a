"""The image viewer as a Streamlit component: its Python side, and the markup, style and script it is made of."""
