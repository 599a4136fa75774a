from cellapp.ui import frame

header = frame.analyse_header()
